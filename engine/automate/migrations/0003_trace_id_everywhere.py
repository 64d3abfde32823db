from django.db import migrations, models


class Migration(migrations.Migration):
    """Give dedupe keys, jobs and sealed state the trace id of their event; rows from before keep none."""

    dependencies = [("automate", "0002_immutable_rows")]
    operations = [
        migrations.AddField("dedupe", "trace_id", models.UUIDField(null=True)),
        migrations.AddField("outboxjob", "trace_id", models.UUIDField(null=True)),
        migrations.AddField("runstate", "trace_id", models.UUIDField(null=True)),
    ]
