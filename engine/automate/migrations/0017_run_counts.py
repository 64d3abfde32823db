from django.db import migrations, models

KINDS = [
    ("slot", "Slot"), ("order", "Order"), ("halt", "Halt"), ("all", "All"), ("flow", "Flow"), ("quota", "Quota"),
    ("mark", "Mark"),
]  # fmt: skip


class Migration(migrations.Migration):
    """Count the runs that begin in a day and a month, where policy limits them."""

    dependencies = [("automate", "0016_step_end_order")]
    operations = [
        migrations.AlterField("queueplace", "kind", models.CharField(choices=KINDS, max_length=5)),
        migrations.CreateModel(
            name="RunCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(blank=True, max_length=36)),
                ("period", models.CharField(max_length=10)),
                ("used", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("scope", "period"), name="run_count_once")],
            },
        ),
    ]
