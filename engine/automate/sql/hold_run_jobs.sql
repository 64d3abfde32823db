-- hold_run_jobs: runs that this claim began and goes on with have a job of their own, in its hands.
INSERT INTO automate_outboxjob AS o (kind, run_id, status, available_at, attempts, lease_id, lease_expires_at, trace_id)
SELECT 'run', u.run_id, 'CLAIMED', now(), 1, %(lease_id)s, now() + make_interval(secs => %(lease_seconds)s),
       r.trace_id
  FROM unnest(%(run_ids)b::uuid[]) AS u (run_id) LEFT JOIN automate_executionrun r ON r.id = u.run_id
ON CONFLICT (run_id) WHERE kind = 'run' DO UPDATE
   SET lease_expires_at = excluded.lease_expires_at
 WHERE o.lease_id = %(lease_id)s
RETURNING id
