-- reap_outbox: take back the jobs of leases that ran out (one schema alone). After 5 claims without a clean finish a job is
-- DEAD: its run fails with the reason, its event is held with the reason.
WITH lost AS (
  SELECT id FROM automate_outboxjob WHERE status = 'CLAIMED' AND lease_expires_at < now()
   ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
back AS (
  UPDATE automate_outboxjob o
     SET status = CASE WHEN o.attempts >= %(max_crashes)s THEN 'DEAD' ELSE 'PENDING' END,
         available_at = now() + CASE WHEN o.attempts <= 1 THEN interval '0' ELSE least(power(2, o.attempts), 60) * interval '1 s' END,
         lease_id = NULL, lease_expires_at = NULL
    FROM lost WHERE o.id = lost.id RETURNING o.kind, o.status, o.run_id, o.event_id),
failed AS (
  UPDATE automate_executionrun r SET status = 'failed', ended_at = now(), wake_at = NULL, error = %(error)s::jsonb
    FROM back WHERE back.status = 'DEAD' AND r.id = back.run_id AND r.status NOT IN ('succeeded', 'failed', 'cancelled')
  RETURNING r.id, r.trace_id),
told AS (  -- a tick that tells whoever waits for the run or listens for its end (automate.execution.endings)
  INSERT INTO automate_outboxjob (kind, subject_id, status, available_at, attempts, trace_id)
  SELECT 'tick', id, 'PENDING', now(), 0, trace_id FROM failed),
held AS (
  INSERT INTO automate_matchdecision (event_id, decision, reason, failed_at, decided_at, trace_id)
  SELECT e.id, 'held', 'worker_crashed', '', now(), e.trace_id FROM back JOIN automate_event e ON e.id = back.event_id
   WHERE back.status = 'DEAD' AND back.kind = 'event')
SELECT count(*) FROM back
