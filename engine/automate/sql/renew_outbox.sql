-- renew_outbox: extend the leases that are still held; the ids that do not come back are lost.
UPDATE automate_outboxjob SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
 WHERE lease_id = ANY (%(lease_ids)b::bigint[]) AND status = 'CLAIMED' AND lease_expires_at > now() RETURNING lease_id
