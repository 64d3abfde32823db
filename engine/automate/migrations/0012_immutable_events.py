from django.db import migrations

from automate.migrations._postgres import PostgresSQL

TRIGGER = """
CREATE TRIGGER event_immutable BEFORE UPDATE ON automate_event
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_change();
"""


class Migration(migrations.Migration):
    """Let the database itself refuse to change an event. Retention still deletes, and months move whole rows."""

    dependencies = [("automate", "0011_workflow_removed_at")]
    operations = [PostgresSQL(TRIGGER, "DROP TRIGGER event_immutable ON automate_event;")]
