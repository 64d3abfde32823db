-- upsert_steps: attempts as they stand now. A recorded result is final: only a running or waiting
-- attempt changes. What a worker does not know any more after a crash (the input) stays.
INSERT INTO automate_steprun AS s
  (id, run_id, step_id, position, item, round, attempt, connector, action, status, input, output, error, logs,
   started_at, ended_at, retry_at, trace_id, sealed, ended_seq)
SELECT id, run_id, step_id, position, item, round, attempt, connector, action, status, input::jsonb, output::jsonb,
       error::jsonb, logs::jsonb, started_at, ended_at, retry_at, trace_id, sealed, ended_seq
  FROM unnest(%(id)b::uuid[], %(run_id)b::uuid[], %(step_id)b::text[], %(position)b::int[], %(item)b::int[],
              %(round)b::int[], %(attempt)b::int[], %(connector)b::text[], %(action)b::text[], %(status)b::text[],
              %(input)b::text[], %(output)b::text[], %(error)b::text[], %(logs)b::text[],
              %(started_at)b::timestamptz[], %(ended_at)b::timestamptz[], %(retry_at)b::timestamptz[],
              %(trace_id)b::uuid[], %(sealed)b::bytea[], %(ended_seq)b::int[])
    AS u (id, run_id, step_id, position, item, round, attempt, connector, action, status, input, output, error, logs,
          started_at, ended_at, retry_at, trace_id, sealed, ended_seq)
ON CONFLICT (id) DO UPDATE
   SET status = excluded.status, input = coalesce(excluded.input, s.input), output = excluded.output, error = excluded.error,
       logs = excluded.logs, ended_at = excluded.ended_at, retry_at = excluded.retry_at, sealed = coalesce(excluded.sealed, s.sealed),
       ended_seq = excluded.ended_seq
 WHERE s.status IN ('running', 'waiting')
