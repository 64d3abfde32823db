-- load_steps: the latest attempt of each step and item of these runs; and since when it is in doubt, if it is.
SELECT DISTINCT ON (run_id, step_id, item)
       run_id, id, step_id, item, round, attempt, status, output::text, error::text, retry_at, started_at, ended_at, sealed,
       min(started_at) FILTER (WHERE error ->> 'in_doubt' = 'true') OVER (PARTITION BY run_id, step_id, item, round),
       ended_seq
  FROM automate_steprun WHERE run_id = ANY (%(run_ids)b::uuid[])
 ORDER BY run_id, step_id, item, round DESC, attempt DESC
