-- upsert_steps: attempts as they stand now. A recorded result is final: only a running or waiting attempt changes.
INSERT INTO automate_steprun AS s
  (id, run_id, step_id, position, item, round, attempt, connector, action, status, input, output, error, logs,
   started_at, ended_at, retry_at, trace_id)
SELECT id, run_id, step_id, position, item, round, attempt, connector, action, status, input::jsonb, output::jsonb,
       error::jsonb, logs::jsonb, started_at, ended_at, retry_at, trace_id
  FROM unnest(%(id)b::uuid[], %(run_id)b::uuid[], %(step_id)b::text[], %(position)b::int[], %(item)b::int[],
              %(round)b::int[], %(attempt)b::int[], %(connector)b::text[], %(action)b::text[], %(status)b::text[],
              %(input)b::text[], %(output)b::text[], %(error)b::text[], %(logs)b::text[],
              %(started_at)b::timestamptz[], %(ended_at)b::timestamptz[], %(retry_at)b::timestamptz[],
              %(trace_id)b::uuid[])
    AS u (id, run_id, step_id, position, item, round, attempt, connector, action, status, input, output, error, logs,
          started_at, ended_at, retry_at, trace_id)
ON CONFLICT (id) DO UPDATE
   SET status = excluded.status, input = excluded.input, output = excluded.output, error = excluded.error,
       logs = excluded.logs, ended_at = excluded.ended_at, retry_at = excluded.retry_at
 WHERE s.status IN ('running', 'waiting')
