-- fence: locks the jobs that a write is about, in one order (automate.outbox.waits): those of the claim, and those of the runs
-- that it answers or stops. Per job: whether it is this claim's still; fewer than it thinks means that the lease was lost.
SELECT id = ANY (%(ids)b::bigint[]) AND lease_id IS NOT DISTINCT FROM %(lease_id)s AND status = 'CLAIMED'
  FROM automate_outboxjob
 WHERE id = ANY (%(ids)b::bigint[]) OR (kind = 'run' AND run_id = ANY (%(run_ids)b::uuid[])) ORDER BY id FOR UPDATE
