from django.db import migrations, models


class Migration(migrations.Migration):
    """Group failures without reading the runs; only failed runs are in it."""

    dependencies = [("automate", "0023_run_bulks")]
    operations = [
        migrations.AddIndex(
            model_name="executionrun",
            index=models.Index(
                fields=["workflow_id", "error_fingerprint", "id", "created_at", "dismissed_at"],
                condition=models.Q(status="failed"),
                name="run_failed_kind_idx",
            ),
        ),
    ]
