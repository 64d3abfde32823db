"""When a workflow was removed from the lists; null for those in use."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("automate", "0010_retries_and_replays")]

    operations = [
        migrations.AddField(model_name="workflow", name="removed_at", field=models.DateTimeField(null=True)),
    ]
