-- release_outbox: give jobs back as if they had not been claimed.
UPDATE automate_outboxjob SET status = 'PENDING', attempts = greatest(0, attempts - 1), lease_id = NULL, lease_expires_at = NULL
 WHERE id = ANY (%(ids)b::bigint[]) AND lease_id = %(lease_id)s AND status = 'CLAIMED'
