from django.db import migrations, models

from automate.migrations._postgres import PostgresSQL

# A release from before these columns goes on writing workflows beside this one.
DEFAULTS = """
ALTER TABLE automate_workflow ALTER COLUMN tags SET DEFAULT '[]';
ALTER TABLE automate_workflow ALTER COLUMN updated_by SET DEFAULT '';
"""

# refuse_version_change: a version never changes, and leaves only with a workflow that was purged.
FORWARD = """
CREATE FUNCTION automate_refuse_version_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM automate_workflow WHERE id = OLD.workflow_id AND purged_at IS NOT NULL) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER workflowversion_immutable ON automate_workflowversion;
CREATE TRIGGER workflowversion_immutable BEFORE UPDATE OR DELETE ON automate_workflowversion
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_version_change();

-- drop_versions: those of a workflow that was purged. Who works here may not delete versions; their owner does it.
CREATE FUNCTION automate_drop_versions(p_workflow uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE v_dropped bigint;
BEGIN
  DELETE FROM automate_workflowversion WHERE workflow_id = p_workflow;
  GET DIAGNOSTICS v_dropped = ROW_COUNT;
  RETURN v_dropped;
END $$;
REVOKE EXECUTE ON FUNCTION automate_drop_versions(uuid) FROM PUBLIC;
"""

BACKWARD = """
DROP TRIGGER workflowversion_immutable ON automate_workflowversion;
CREATE TRIGGER workflowversion_immutable BEFORE UPDATE OR DELETE ON automate_workflowversion
  FOR EACH ROW EXECUTE FUNCTION automate_refuse_change();
DROP FUNCTION automate_refuse_version_change();
DROP FUNCTION automate_drop_versions(uuid);
"""


class Migration(migrations.Migration):
    """Let workflows have tags and an editor, and leave for good after their time in the trash."""

    dependencies = [("automate", "0018_failure_marks")]
    operations = [
        migrations.AddField("workflow", "tags", models.JSONField(default=list)),
        migrations.AddField("workflow", "updated_by", models.CharField(max_length=200, blank=True, default="")),
        migrations.AddField("workflow", "purged_at", models.DateTimeField(null=True)),
        PostgresSQL(DEFAULTS, migrations.RunSQL.noop),
        PostgresSQL(FORWARD, BACKWARD),
    ]
