-- next_due: seconds until the next pending job is due (negative: it already is); null when none is scheduled.
SELECT extract(epoch FROM min(available_at) - now())::float8 FROM automate_outboxjob WHERE status = 'PENDING'
