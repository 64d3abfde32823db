-- wake_early: runs just put away for later, to which an answer or a cancel came meanwhile, are due now. Runs after the
-- jobs are locked by this transaction (rearm_run_jobs): whoever answers later sees them pending and arms them itself.
UPDATE automate_outboxjob o SET available_at = now()
 WHERE o.kind = 'run' AND o.run_id = ANY (%(run_ids)b::uuid[]) AND o.status = 'PENDING'
   AND (EXISTS (SELECT FROM automate_runwait w WHERE w.id = ANY (%(wait_ids)b::uuid[]) AND w.run_id = o.run_id
                                                 AND w.status <> 'open')
     OR EXISTS (SELECT FROM automate_executionrun r WHERE r.id = o.run_id AND r.id = ANY (%(unaware)b::uuid[])
                                                      AND r.cancel_requested_at IS NOT NULL))
