"""Answers kept for whoever asks the same again, and backtests that run in the background."""

from django.db import migrations, models

import automate.ids


class Migration(migrations.Migration):
    dependencies = [
        ("automate", "0014_queue_deadlines"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("caller", models.CharField(max_length=100)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="kept_answer_expiry_idx")],
                "constraints": [models.UniqueConstraint(fields=("caller", "key"), name="kept_answer_once")],
            },
        ),
        migrations.CreateModel(
            name="StoredBacktest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("workflow_id", models.UUIDField()),
                ("version_num", models.PositiveIntegerField(null=True)),
                ("definition", models.JSONField()),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("max_events", models.PositiveIntegerField()),
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
                ("events_total", models.PositiveIntegerField()),
                ("result", models.JSONField(null=True)),
                ("at_event_id", models.UUIDField(null=True)),
                ("error", models.JSONField(null=True)),
                ("tick_job_id", models.BigIntegerField(null=True)),
                ("created_by", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["workflow_id", "id"], name="backtest_workflow_idx"),
                    models.Index(fields=["tick_job_id"], name="backtest_tick_idx"),
                ],
            },
        ),
    ]
