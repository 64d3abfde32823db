from django.db import migrations, models


class Migration(migrations.Migration):
    """Workspaces choose at which percents they are told of their usage."""

    dependencies = [("automate_billing", "0002_alert_letters")]
    operations = [
        migrations.CreateModel(
            name="UsageThresholds",
            fields=[
                ("tenant_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("every", models.JSONField()),
                ("meters", models.JSONField()),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.CharField(max_length=200)),
            ],
        ),
    ]
