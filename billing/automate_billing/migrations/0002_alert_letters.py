from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    """Alerts know when their period ends, and whether their letters went out. None was written before this."""

    dependencies = [("automate_billing", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="usagealert",
            name="period_ends_at",
            field=models.DateTimeField(default=timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="usagealert",
            name="told_at",
            field=models.DateTimeField(null=True),
        ),
    ]
