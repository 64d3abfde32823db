-- load_runs: runs as last recorded, each with its event, its own version's steps, its latest attempts and sealed state.
SELECT r.id, r.workflow_id, r.version_id, v.steps::text, r.status, r.created_at, r.started_at,
       e.id AS event_id, e.type, e.source, e.payload::text, e.trace_id, e.received_at, st.sealed, v.options::text, r.hops,
       coalesce((SELECT jsonb_agg(jsonb_build_array(x.step_id, x.attempt, x.status))
                   FROM (SELECT DISTINCT ON (s.step_id) s.step_id, s.attempt, s.status FROM automate_steprun s
                          WHERE s.run_id = r.id ORDER BY s.step_id, s.round DESC, s.attempt DESC) x), '[]')::text AS recorded
  FROM automate_executionrun r
  JOIN automate_event e ON e.id = r.event_id
  JOIN automate_workflowversion v ON v.id = r.version_id
  LEFT JOIN automate_runstate st ON st.run_id = r.id
 WHERE r.id = ANY (%(run_ids)b::uuid[])
