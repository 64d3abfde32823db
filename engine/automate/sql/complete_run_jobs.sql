-- complete_run_jobs: the same, for jobs named by their run.
UPDATE automate_outboxjob SET status = 'COMPLETED', lease_id = NULL, lease_expires_at = NULL, attempts = 0
 WHERE kind = 'run' AND run_id = ANY (%(run_ids)b::uuid[]) AND lease_id = %(lease_id)s AND status = 'CLAIMED' RETURNING id
