from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep what was read of an OpenAPI document."""

    dependencies = [("automate", "0026_webhook_removed")]
    operations = [
        migrations.CreateModel(
            name="ImportedApi",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.CharField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("title", models.CharField(blank=True, max_length=200)),
                ("version", models.CharField(blank=True, max_length=60)),
                ("server", models.CharField(max_length=500)),
                ("operations", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=200)),
            ],
        ),
    ]
