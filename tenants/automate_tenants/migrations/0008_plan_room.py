from django.db import migrations, models


class Migration(migrations.Migration):
    """How many events a workspace's plan still includes, counted down where they are accepted."""

    dependencies = [
        ("automate_tenants", "0007_masks_emails"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="plan_room",
            field=models.BigIntegerField(null=True),
        ),
    ]
