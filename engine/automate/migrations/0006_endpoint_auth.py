from django.db import migrations, models


class Migration(migrations.Migration):
    """GitHub's and Stripe's signatures as ways to prove oneself; nothing changes in the database."""

    dependencies = [("automate", "0005_schedules")]

    operations = [
        migrations.AlterField(
            model_name="webhookendpoint",
            name="auth",
            field=models.CharField(
                choices=[
                    ("api_key", "API key"),
                    ("standard_webhooks", "Standard Webhooks signature"),
                    ("github", "GitHub signature"),
                    ("stripe", "Stripe signature"),
                    ("none", "Nobody is checked"),
                ],
                default="api_key",
                max_length=20,
            ),
        ),
    ]
