from django.db import migrations, models


class Migration(migrations.Migration):
    """Slack, Shopify and custom HMAC as ways to prove oneself, and when a rolled secret stops."""

    dependencies = [
        ("automate", "0019_workflow_trash"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="auth_options",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="previous_secret_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="auth",
            field=models.CharField(
                choices=[
                    ("api_key", "API key"),
                    ("standard_webhooks", "Standard Webhooks signature"),
                    ("github", "GitHub signature"),
                    ("stripe", "Stripe signature"),
                    ("slack", "Slack signature"),
                    ("shopify", "Shopify signature"),
                    ("hmac", "HMAC of your own kind"),
                    ("none", "Nobody is checked"),
                ],
                default="api_key",
                max_length=20,
            ),
        ),
    ]
