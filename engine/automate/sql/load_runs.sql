-- load_runs: runs as last recorded, each with its event, its own version and the state an earlier release sealed.
SELECT r.id, r.workflow_id, r.version_id, v.steps::text, (v.options - 'tests')::text, w.slug, v.version_num, r.status, r.created_at,
       r.started_at, r.error::text, r.hops, r.attempt, r.deadline_at, r.cancel_requested_at, r.parent_run_id, r.parent_step_id,
       r.parent_item, r.root_run_id, r.key_run_id, r.rounds::text, st.sealed, e.id, e.type, e.source, e.payload::text, e.trace_id,
       e.received_at
  FROM automate_executionrun r
  JOIN automate_event e ON e.id = r.event_id
  JOIN automate_workflowversion v ON v.id = r.version_id
  JOIN automate_workflow w ON w.id = v.workflow_id
  LEFT JOIN automate_runstate st ON st.run_id = r.id
 WHERE r.id = ANY (%(run_ids)b::uuid[])
