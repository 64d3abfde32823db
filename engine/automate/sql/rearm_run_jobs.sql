-- rearm_run_jobs: these runs go on later; their one job is pending from then. A clean finish forgets earlier crashes.
INSERT INTO automate_outboxjob AS o (kind, run_id, status, available_at, attempts, trace_id)
SELECT 'run', u.run_id, 'PENDING', now() + make_interval(secs => u.delay), 0, r.trace_id
  FROM unnest(%(run_ids)b::uuid[], %(delays)b::float8[]) AS u (run_id, delay) LEFT JOIN automate_executionrun r ON r.id = u.run_id
ON CONFLICT (run_id) WHERE kind = 'run' DO UPDATE
   SET status = 'PENDING', available_at = excluded.available_at, attempts = 0, lease_id = NULL, lease_expires_at = NULL
 WHERE o.status <> 'CLAIMED' OR o.lease_id = %(lease_id)s
RETURNING id
