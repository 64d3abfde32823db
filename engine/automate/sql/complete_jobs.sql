-- complete_jobs: these jobs of this claim have nothing left to do. A clean finish forgets earlier crashes.
-- `lease_id` is never reused, so it tells this claim from a later one by the same worker.
UPDATE automate_outboxjob SET status = 'COMPLETED', lease_id = NULL, lease_expires_at = NULL, attempts = 0
 WHERE id = ANY (%(ids)b::bigint[]) AND lease_id = %(lease_id)s AND status = 'CLAIMED' RETURNING id
