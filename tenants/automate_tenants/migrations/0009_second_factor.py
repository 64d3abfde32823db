from django.db import migrations, models


class Migration(migrations.Migration):
    """Whether a workspace lets in only members with a second factor."""

    dependencies = [
        ("automate_tenants", "0008_plan_room"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="requires_second_factor",
            field=models.BooleanField(null=True),
        ),
    ]
