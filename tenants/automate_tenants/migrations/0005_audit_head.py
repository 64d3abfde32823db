from django.db import migrations, models


class Migration(migrations.Migration):
    """Signed ends of the audit chains."""

    dependencies = [
        ("automate_tenants", "0004_holding_and_codes"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("tenant_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(default=0)),
                (
                    "hash",
                    models.BinaryField(
                        default=b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                    ),
                ),
                ("signature", models.BinaryField(null=True)),
                ("signed_at", models.DateTimeField(null=True)),
                ("is_pending", models.BooleanField(default=True)),
                ("swept_inserts", models.BigIntegerField(default=-1)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_pending", True)), fields=["tenant_id"], name="audit_pending_idx"
                    )
                ],
            },
        ),
    ]
