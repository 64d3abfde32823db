from django.db import migrations, models


class Migration(migrations.Migration):
    """List workflows by when they were changed."""

    dependencies = [("automate", "0024_failed_kinds")]
    operations = [
        migrations.AddIndex(
            model_name="workflow",
            index=models.Index(fields=["updated_at", "id"], name="workflow_updated_idx"),
        ),
    ]
