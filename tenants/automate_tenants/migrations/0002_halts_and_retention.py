from django.db import migrations, models
from django.db.models import Q

from automate.models._checks import check


class Migration(migrations.Migration):
    """Kill switches of a tenant and of the installation; how long a tenant's rows are kept."""

    dependencies = [("automate_tenants", "0001_initial")]
    operations = [
        migrations.AddField("dispatchtenant", "halted_at", models.DateTimeField(null=True)),
        migrations.AddField("tenant", "kept_house_at", models.DateTimeField(null=True)),
        migrations.AddField("tenant", "retention_days", models.PositiveSmallIntegerField(null=True)),
        migrations.CreateModel(
            name="InstallationHalt",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("halted_at", models.DateTimeField()),
                ("halted_by", models.CharField(max_length=200)),
                ("reason", models.CharField(blank=True, max_length=300)),
            ],
            options={"constraints": [check(Q(id=1), name="installation_halt_one")]},
        ),
    ]
