-- load_active_versions: everything events may start now. A version never changes, so of those that the caller has already
-- the long parts stay here (null). Rule test cases are for publishing: no worker holds them.
SELECT v.id, v.workflow_id, v.trigger_spec::text,
       CASE WHEN k.id IS NULL THEN v.rule::text END, CASE WHEN k.id IS NULL THEN v.steps::text END,
       CASE WHEN k.id IS NULL THEN (v.options - 'tests')::text END, w.slug,
       (SELECT h.id FROM automate_workflow h WHERE h.slug = v.trigger_spec ->> 'workflow'), v.version_num
  FROM automate_workflow w JOIN automate_workflowversion v ON v.id = w.active_version_id
  LEFT JOIN unnest(%(known)s::uuid[]) AS k (id) ON k.id = v.id
 WHERE w.is_enabled
