from django.db import migrations, models


class Migration(migrations.Migration):
    """A webhook endpoint may be deleted; what came to it stays readable."""

    dependencies = [("automate", "0025_workflow_updated")]
    operations = [
        migrations.AddField("webhookendpoint", "removed_at", models.DateTimeField(null=True)),
        migrations.AddField("webhookendpoint", "former_slug", models.CharField(max_length=60, null=True)),
    ]
