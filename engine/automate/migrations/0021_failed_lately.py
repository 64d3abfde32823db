from django.db import migrations, models


class Migration(migrations.Migration):
    """Find what failed lately without reading every failure; only failed runs are in it."""

    dependencies = [("automate", "0020_webhook_schemes")]
    operations = [
        migrations.AddIndex(
            model_name="executionrun",
            index=models.Index(fields=["ended_at"], condition=models.Q(status="failed"), name="run_failed_idx"),
        ),
    ]
