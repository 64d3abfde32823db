-- lock_queues: the queues that these runs have places in, in one order for all, before any job: whoever gives a place away holds
-- its queue's lock and then arms the job of the run that gets it. To the end of the transaction; see automate.outbox.waits.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), q.kind, q.key), 0))
  FROM (SELECT DISTINCT kind, key FROM automate_queueplace
         WHERE run_id = ANY (%(run_ids)b::uuid[]) ORDER BY kind, key OFFSET 0) q
