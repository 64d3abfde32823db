from django.db import migrations, models

from automate.migrations._postgres import PostgresSQL

TRIGGER = """
CREATE TRIGGER auditlink_immutable BEFORE UPDATE OR DELETE ON automate_auditlink
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_change();
"""


class Migration(migrations.Migration):
    """The chain over the audit log; the database refuses to change a link, as it does for entries."""

    dependencies = [
        ("automate", "0008_flow_control"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("entry_id", models.UUIDField(unique=True)),
                ("hash", models.BinaryField(max_length=32)),
                ("linked_at", models.DateTimeField()),
            ],
        ),
        PostgresSQL(TRIGGER, "DROP TRIGGER auditlink_immutable ON automate_auditlink;"),
    ]
