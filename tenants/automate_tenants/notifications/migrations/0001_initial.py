import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What was told, who has seen it, what each member chose, and what is still to be sent."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Choice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=20)),
                (
                    "channel",
                    models.CharField(
                        choices=[("in_app", "In the portal"), ("email", "E-mail"), ("webhook", "Webhook")], max_length=7
                    ),
                ),
                ("is_on", models.BooleanField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "kind", "channel"), name="notification_choice_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Destination",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("user_id", models.BigIntegerField()),
                ("url", models.CharField(max_length=500)),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("disabled_at", models.DateTimeField(null=True)),
                ("disabled_because", models.CharField(blank=True, default="", max_length=300)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user_id", "url"), name="destination_once")],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("subject", models.CharField(max_length=200)),
                ("title", models.CharField(max_length=300)),
                ("text", models.TextField(blank=True)),
                ("path", models.CharField(max_length=300)),
                ("count", models.PositiveIntegerField(default=1)),
                ("details", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("latest_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["subject", "-id"], name="notification_subject_idx"),
                    models.Index(fields=["created_at"], name="notification_age_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("key", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user_id", "key"), name="seen_once")],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("user_id", models.BigIntegerField()),
                (
                    "channel",
                    models.CharField(
                        choices=[("in_app", "In the portal"), ("email", "E-mail"), ("webhook", "Webhook")], max_length=7
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("sent", "Sent"), ("failed", "Failed")],
                        default="pending",
                        max_length=7,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("attempted_at", models.DateTimeField(null=True)),
                ("http_status", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                ("took_ms", models.PositiveIntegerField(null=True)),
                (
                    "destination",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="automate_notifications.destination"
                    ),
                ),
                (
                    "notification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="automate_notifications.notification"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("status", "pending")), fields=["due_at"], name="delivery_due_idx"),
                    models.Index(fields=["user_id", "-attempted_at"], name="delivery_member_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("channel", "email")),
                        fields=("notification", "user_id"),
                        name="delivery_letter_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("channel", "webhook")),
                        fields=("notification", "destination"),
                        name="delivery_webhook_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel", "webhook"), ("destination", None), _connector="XOR"),
                        name="delivery_names_destination",
                    ),
                ],
            },
        ),
    ]
