-- load_active_versions: everything events may start now.
SELECT v.id, v.workflow_id, v.trigger_spec, v.rule, v.steps
  FROM automate_workflow w JOIN automate_workflowversion v ON v.id = w.active_version_id
 WHERE w.is_enabled
