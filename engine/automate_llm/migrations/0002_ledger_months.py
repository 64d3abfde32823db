from django.db import migrations, models


class Migration(migrations.Migration):
    """Monthly totals of calls that the ledger has forgotten."""

    dependencies = [("automate_llm", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="LedgerMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(max_length=7)),
                ("workflow", models.CharField(blank=True, max_length=36)),
                ("provider", models.CharField(max_length=40)),
                ("model", models.CharField(max_length=200)),
                ("calls", models.BigIntegerField(default=0)),
                ("input_tokens", models.BigIntegerField(default=0)),
                ("cached_tokens", models.BigIntegerField(default=0)),
                ("output_tokens", models.BigIntegerField(default=0)),
                ("cost_micros", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("month", "workflow", "provider", "model"), name="llm_ledger_month_once"
                    )
                ],
            },
        ),
    ]
