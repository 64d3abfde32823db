from django.db import migrations, models


class Migration(migrations.Migration):
    """Requests of test keys stand among an endpoint's latest; the column stays as it is."""

    dependencies = [("automate_tenants", "0013_invitation_letters")]
    operations = [
        migrations.AlterField(
            model_name="requestsample",
            name="verdict",
            field=models.CharField(
                choices=[("duplicate", "Duplicate"), ("test", "Test"), ("challenge", "Challenge")], max_length=9
            ),
        ),
    ]
