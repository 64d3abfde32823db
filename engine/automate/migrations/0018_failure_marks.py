from django.db import migrations, models


class Migration(migrations.Migration):
    """Let failures of one kind be muted and have an owner."""

    dependencies = [("automate", "0017_run_counts")]
    operations = [
        migrations.CreateModel(
            name="FailureMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("workflow_id", models.UUIDField()),
                ("fingerprint", models.CharField(blank=True, max_length=32)),
                ("owner", models.CharField(blank=True, default="", max_length=200)),
                ("muted_until", models.DateTimeField(null=True)),
                ("updated_by", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("workflow_id", "fingerprint"), name="failure_mark_once")
                ],
            },
        ),
    ]
