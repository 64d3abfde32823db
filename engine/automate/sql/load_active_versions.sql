-- load_active_versions: everything events may start now.
SELECT v.id, v.workflow_id, v.trigger_spec::text, v.rule::text, v.steps::text, v.options::text, w.slug,
       (SELECT h.id FROM automate_workflow h WHERE h.slug = v.trigger_spec ->> 'workflow')
  FROM automate_workflow w JOIN automate_workflowversion v ON v.id = w.active_version_id
 WHERE w.is_enabled
