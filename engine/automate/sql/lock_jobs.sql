-- lock_jobs: the jobs a write is about, before any other row of it: whoever answers or cancels locks them first, too.
SELECT id FROM automate_outboxjob
 WHERE id = ANY (%(ids)b::bigint[]) OR (kind = 'run' AND run_id = ANY (%(run_ids)b::uuid[])) ORDER BY id FOR UPDATE
