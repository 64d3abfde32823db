from django.db import migrations, models


class Migration(migrations.Migration):
    """Whether a workspace's policy has e-mail addresses masked, where the gateway sees it."""

    dependencies = [
        ("automate_tenants", "0006_team"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="masks_emails",
            field=models.BooleanField(null=True),
        ),
    ]
