-- standing: how many jobs are due and wait, and for how many seconds the oldest has.
SELECT count(*), coalesce(extract(epoch FROM now() - min(available_at)), 0)::float8
  FROM automate_outboxjob WHERE status = 'PENDING' AND available_at <= now()
