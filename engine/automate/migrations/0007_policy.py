from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep the workspace's policy, what policy blocked, and the pace of outbound calls."""

    dependencies = [
        ("automate", "0006_endpoint_auth"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutboundPace",
            fields=[
                ("key", models.CharField(max_length=300, primary_key=True, serialize=False)),
                ("state", models.JSONField(default=dict)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "automate_outboundpace",
            },
        ),
        migrations.CreateModel(
            name="PolicyDocument",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("document", models.JSONField(default=dict)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("updated_by", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "automate_policy",
            },
        ),
        migrations.CreateModel(
            name="PolicyBlock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("rule", models.CharField(max_length=40)),
                ("layer", models.CharField(max_length=20)),
                ("subject", models.CharField(max_length=260)),
                ("outcome", models.CharField(choices=[("denied", "Denied"), ("waited", "Waited")], max_length=6)),
                ("count", models.PositiveIntegerField(default=0)),
                ("latest_at", models.DateTimeField()),
                ("latest_run_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "automate_policyblock",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("hour", "rule", "layer", "subject", "outcome"), name="policy_block_once"
                    )
                ],
            },
        ),
    ]
