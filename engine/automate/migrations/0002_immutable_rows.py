from django.db import migrations

from automate.migrations._postgres import PostgresSQL

FORWARD = """
CREATE FUNCTION automate_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER workflowversion_immutable BEFORE UPDATE OR DELETE ON automate_workflowversion
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_change();
CREATE TRIGGER auditlogentry_immutable BEFORE UPDATE OR DELETE ON automate_auditlogentry
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_change();
"""

BACKWARD = """
DROP TRIGGER auditlogentry_immutable ON automate_auditlogentry;
DROP TRIGGER workflowversion_immutable ON automate_workflowversion;
DROP FUNCTION automate_refuse_change();
"""


class Migration(migrations.Migration):
    """Let the database itself refuse to change a version or an audit entry."""

    dependencies = [("automate", "0001_initial")]
    operations = [PostgresSQL(FORWARD, BACKWARD)]
