from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep the order in which steps ended, for taking them back, apart from what clocks said."""

    dependencies = [("automate", "0015_kept_answers_and_backtests")]
    operations = [migrations.AddField("steprun", "ended_seq", models.IntegerField(null=True))]
