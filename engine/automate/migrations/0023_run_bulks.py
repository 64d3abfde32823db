"""Bulk operations on runs, and what became of each run."""

from django.db import migrations, models

import automate.ids


class Migration(migrations.Migration):
    dependencies = [
        ("automate", "0022_saved_views"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunBulk",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("retry", "Retry"), ("replay", "Replay"), ("cancel", "Cancel")], max_length=6
                    ),
                ),
                ("wanted", models.JSONField()),
                ("version", models.CharField(default="same", max_length=6)),
                ("rate", models.FloatField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=9,
                    ),
                ),
                ("total", models.PositiveIntegerField()),
                ("done", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("at_run_id", models.UUIDField(null=True)),
                ("upto_run_id", models.UUIDField(null=True)),
                ("error", models.JSONField(null=True)),
                ("tick_job_id", models.BigIntegerField(null=True)),
                ("created_by", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tick_job_id"], name="run_bulk_tick_idx")],
            },
        ),
        migrations.CreateModel(
            name="RunBulkResult",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("bulk_id", models.UUIDField()),
                ("run_id", models.UUIDField()),
                ("trace_id", models.UUIDField()),
                ("made_id", models.UUIDField(null=True)),
                ("code", models.CharField(default="", max_length=100)),
                ("message", models.TextField(default="")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("bulk_id", "run_id"), name="run_bulk_result_once")],
            },
        ),
    ]
