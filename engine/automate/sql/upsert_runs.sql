-- upsert_runs: runs as they stand now. A final run is never changed; empty outputs mean that
-- the row's stay.
INSERT INTO automate_executionrun AS r
  (id, event_id, workflow_id, version_id, trace_id, status, outputs, error, steps_done, steps_total,
   created_at, started_at, ended_at, wake_at, origin, hops, attempt, deadline_at, error_fingerprint, parent_step_id, concurrency_key)
SELECT id, event_id, workflow_id, version_id, trace_id, status, outputs::jsonb, error::jsonb, steps_done, steps_total,
       created_at, started_at, ended_at, wake_at, origin, hops, attempt, deadline_at, error_fingerprint, '', ''
  FROM unnest(%(id)b::uuid[], %(event_id)b::uuid[], %(workflow_id)b::uuid[], %(version_id)b::uuid[], %(trace_id)b::uuid[],
              %(status)b::text[], %(outputs)b::text[], %(error)b::text[], %(steps_done)b::int[], %(steps_total)b::int[],
              %(created_at)b::timestamptz[], %(started_at)b::timestamptz[], %(ended_at)b::timestamptz[],
              %(wake_at)b::timestamptz[], %(origin)b::text[], %(hops)b::int[], %(attempt)b::int[],
              %(deadline_at)b::timestamptz[], %(error_fingerprint)b::text[])
    AS u (id, event_id, workflow_id, version_id, trace_id, status, outputs, error, steps_done, steps_total,
          created_at, started_at, ended_at, wake_at, origin, hops, attempt, deadline_at, error_fingerprint)
ON CONFLICT (id) DO UPDATE
   SET status = excluded.status, error_fingerprint = excluded.error_fingerprint,
       outputs = CASE WHEN excluded.outputs = '{}' THEN r.outputs ELSE excluded.outputs END, error = excluded.error, steps_done = excluded.steps_done,
       started_at = excluded.started_at, ended_at = excluded.ended_at, wake_at = excluded.wake_at
 WHERE r.status NOT IN ('succeeded', 'failed', 'cancelled')
