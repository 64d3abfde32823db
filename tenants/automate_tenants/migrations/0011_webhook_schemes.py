from django.db import migrations, models


class Migration(migrations.Migration):
    """What the gateway knows of schemes and rolls, what it keeps of requests, and where keys were used from."""

    dependencies = [
        ("automate_tenants", "0010_lifecycle"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="latest_used_ip",
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AddField(
            model_name="refusalsample",
            name="body",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="refusalsample",
            name="headers",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="webhookroute",
            name="auth_options",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="webhookroute",
            name="previous_secret_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.BigIntegerField()),
                ("endpoint_id", models.UUIDField()),
                ("since", models.DateTimeField()),
                ("accepted", models.IntegerField()),
                ("duplicates", models.IntegerField()),
                ("latest_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "endpoint_id", "since"), name="request_count_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestSample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.BigIntegerField()),
                ("endpoint_id", models.UUIDField()),
                (
                    "verdict",
                    models.CharField(choices=[("duplicate", "Duplicate"), ("challenge", "Challenge")], max_length=9),
                ),
                ("event_id", models.UUIDField(null=True)),
                ("body_differs", models.BooleanField(default=False)),
                ("trace_id", models.UUIDField()),
                ("ip", models.GenericIPAddressField(null=True)),
                ("headers", models.JSONField(null=True)),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "endpoint_id", "id"], name="request_newest_idx")],
            },
        ),
    ]
