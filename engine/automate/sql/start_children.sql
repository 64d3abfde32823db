-- start_children: runs that steps start, each with its event, decision and job. Those that are there were made before a crash.
WITH given AS (
  SELECT * FROM unnest(%(run_id)b::uuid[], %(event_id)b::uuid[], %(payload)b::text[], %(workflow_id)b::uuid[],
                       %(version_id)b::uuid[], %(trace_id)b::uuid[], %(parent_run_id)b::uuid[], %(parent_step_id)b::text[],
                       %(parent_item)b::int[], %(root_run_id)b::uuid[], %(hops)b::int[], %(deadline_at)b::timestamptz[],
                       %(steps_total)b::int[], %(created_at)b::timestamptz[], %(sealed)b::bytea[],
                       %(sealed_until)b::timestamptz[])
    AS u (run_id, event_id, payload, workflow_id, version_id, trace_id, parent_run_id, parent_step_id, parent_item,
          root_run_id, hops, deadline_at, steps_total, created_at, sealed, sealed_until)),
events AS (
  INSERT INTO automate_event (id, type, payload, source, trace_id, received_at)
  SELECT event_id, 'workflow.invoked', payload::jsonb, 'run_workflow', trace_id, created_at FROM given
  ON CONFLICT (id) DO NOTHING),
runs AS (
  INSERT INTO automate_executionrun (id, event_id, workflow_id, version_id, trace_id, status, outputs, steps_done, steps_total,
                                     created_at, origin, parent_run_id, parent_step_id, parent_item, root_run_id, attempt, hops,
                                     deadline_at, concurrency_key, error_fingerprint)
  SELECT run_id, event_id, workflow_id, version_id, trace_id, 'queued', '{}', 0, steps_total, created_at, 'child',
         parent_run_id, parent_step_id, parent_item, root_run_id, 1, hops, deadline_at, '', '' FROM given
  ON CONFLICT (id) DO NOTHING RETURNING id),
states AS (
  INSERT INTO automate_runstate (run_id, sealed, expires_at, trace_id)
  SELECT g.run_id, g.sealed, g.sealed_until, g.trace_id FROM given g JOIN runs r ON r.id = g.run_id WHERE g.sealed IS NOT NULL
  ON CONFLICT (run_id) DO NOTHING),
decisions AS (
  INSERT INTO automate_matchdecision (event_id, workflow_id, version_id, run_id, decision, reason, failed_at, decided_at, trace_id)
  SELECT g.event_id, g.workflow_id, g.version_id, g.run_id, 'started', 'child', '', g.created_at, g.trace_id
    FROM given g JOIN runs r ON r.id = g.run_id)
INSERT INTO automate_outboxjob (kind, run_id, status, available_at, attempts, trace_id)
SELECT 'run', g.run_id, 'PENDING', now(), 0, g.trace_id FROM given g JOIN runs r ON r.id = g.run_id
ON CONFLICT (run_id) WHERE kind = 'run' DO NOTHING
