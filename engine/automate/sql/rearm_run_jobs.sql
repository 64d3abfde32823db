-- rearm_run_jobs: these runs go on later; their one job is pending from then. A clean finish forgets earlier crashes.
INSERT INTO automate_outboxjob AS o (kind, run_id, status, available_at, attempts)
SELECT 'run', run_id, 'PENDING', now() + make_interval(secs => delay), 0
  FROM unnest(%(run_ids)b::uuid[], %(delays)b::float8[]) AS u (run_id, delay)
ON CONFLICT (run_id) WHERE kind = 'run' DO UPDATE
   SET status = 'PENDING', available_at = excluded.available_at, attempts = 0, lease_id = NULL, lease_expires_at = NULL
 WHERE o.status <> 'CLAIMED' OR o.lease_id = %(lease_id)s
RETURNING id
