-- queue_run_jobs: these runs wait for a place and leave the claim. Whoever grants one makes the job due; else it is at the run's
-- deadline. Past that it is looked at again soon, for a clock may be behind; a halted run waits for its switch alone.
UPDATE automate_outboxjob o
   SET status = CASE WHEN u.until_at IS NULL THEN 'COMPLETED' ELSE 'PENDING' END,
       available_at = coalesce(u.until_at, o.available_at), lease_id = NULL, lease_expires_at = NULL, attempts = 0
  FROM (SELECT id, CASE WHEN deadline_at > now() OR (deadline_at IS NOT NULL AND NOT %(is_halt)s)
                        THEN greatest(deadline_at, now() + interval '5 s') END AS until_at
          FROM automate_executionrun WHERE id = ANY (%(run_ids)b::uuid[])) u
 WHERE o.kind = 'run' AND o.run_id = u.id AND o.lease_id = %(lease_id)s AND o.status = 'CLAIMED' RETURNING o.id
