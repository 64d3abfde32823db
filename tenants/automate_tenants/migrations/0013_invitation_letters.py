"""An invitation says that its letter was not taken by the mail server."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("automate_tenants", "0012_notification_turn")]
    operations = [
        migrations.AddField(
            model_name="invitation",
            name="letter_failed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
