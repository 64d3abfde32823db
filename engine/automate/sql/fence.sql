-- fence: the jobs this claim still holds, locked; fewer than it thinks means that the lease was lost.
SELECT id FROM automate_outboxjob
 WHERE id = ANY (%(ids)b::bigint[]) AND lease_id = %(lease_id)s AND status = 'CLAIMED' ORDER BY id FOR UPDATE
