-- wake_run_jobs: these runs have something to do now. One in a worker's hands is left there: its holder looks again
-- before it puts the job away (wake_early). A run that has ended stays ended.
UPDATE automate_outboxjob o SET status = 'PENDING', available_at = now(), attempts = 0
  FROM automate_executionrun r
 WHERE o.kind = 'run' AND o.run_id = ANY (%(run_ids)b::uuid[]) AND o.status IN ('PENDING', 'COMPLETED')
   AND r.id = o.run_id AND r.status NOT IN ('succeeded', 'failed', 'cancelled')
