import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """How a person wants pages drawn, kept with the account."""

    dependencies = [
        ("automate_tenants", "0014_request_tests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        blank=True,
                        choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")],
                        max_length=6,
                    ),
                ),
                (
                    "times",
                    models.CharField(
                        choices=[("utc", "UTC"), ("local", "Local")],
                        default="utc",
                        max_length=5,
                    ),
                ),
            ],
        ),
    ]
