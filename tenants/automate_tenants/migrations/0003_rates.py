import uuid

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep webhook rates, and what was used of them. The windows need not survive a crash: they are rebuilt."""

    dependencies = [
        ("automate_tenants", "0002_halts_and_retention"),
    ]

    operations = [
        migrations.CreateModel(
            name="RateWindow",
            fields=[
                ("subject", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("tenant_id", models.BigIntegerField(db_index=True)),
                (
                    "times",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), default=list, size=None
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.BigIntegerField()),
                ("endpoint_id", models.UUIDField(default=uuid.UUID("00000000-0000-0000-0000-000000000000"))),
                ("per_window", models.IntegerField()),
                ("window_ms", models.IntegerField(default=60000)),
                ("is_held", models.BooleanField(default=False)),
                ("layer", models.CharField(max_length=20)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "endpoint_id"), name="webhook_limit_once")
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE automate_tenants_ratewindow SET UNLOGGED; "
            "ALTER TABLE automate_tenants_ratewindow SET (fillfactor = 50)",  # updated all the time, never in an index
            migrations.RunSQL.noop,
        ),
    ]
