-- lock_run_jobs: the jobs of these runs, in one order for all: whoever holds them writes before or after, never between.
SELECT id FROM automate_outboxjob WHERE kind = 'run' AND run_id = ANY (%(run_ids)b::uuid[]) ORDER BY id FOR UPDATE
