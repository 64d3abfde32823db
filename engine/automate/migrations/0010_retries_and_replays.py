from django.db import migrations, models


class Migration(migrations.Migration):
    """Link a retry to its run and a replay to its event; let a failure be dismissed."""

    dependencies = [("automate", "0009_audit_link")]
    operations = [
        migrations.AddField("event", "replay_of", models.UUIDField(null=True)),
        migrations.AddField("executionrun", "dismissed_at", models.DateTimeField(null=True)),
        migrations.AddField("executionrun", "key_run_id", models.UUIDField(null=True)),
        migrations.AddField("executionrun", "rounds", models.JSONField(null=True)),
        migrations.AddIndex(
            "event",
            models.Index(
                condition=models.Q(("replay_of__isnull", False)), fields=["replay_of"], name="event_replay_idx"
            ),
        ),
        migrations.AddIndex(
            "executionrun",
            models.Index(condition=models.Q(("retry_of__isnull", False)), fields=["retry_of"], name="run_retry_idx"),
        ),
    ]
