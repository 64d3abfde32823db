from django.db import migrations, models


class Migration(migrations.Migration):
    """Whose turn it is to be looked at for something to tell, or to have something sent."""

    dependencies = [("automate_tenants", "0011_webhook_schemes")]
    operations = [
        migrations.CreateModel(
            name="NotificationTurn",
            fields=[
                ("tenant_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("look_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(null=True)),
                ("whole_at", models.DateTimeField(null=True)),
                ("seen", models.CharField(blank=True, default="", max_length=80)),
                ("send_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("send_at__isnull", False)),
                        fields=["send_at"],
                        name="notification_turn_send_idx",
                    )
                ],
            },
        ),
    ]
