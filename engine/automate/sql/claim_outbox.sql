-- claim_outbox: lease due jobs of the one schema, oldest first, events included. A job that ended a claim without a clean
-- finish before (attempts > 0) is claimed alone, so it can harm nobody else. Nothing while the kill switch is on.
WITH due AS (
  SELECT id, attempts, available_at FROM automate_outboxjob WHERE status = 'PENDING' AND available_at <= now()
     AND NOT EXISTS (SELECT FROM automate_halt WHERE id = '00000000-0000-0000-0000-000000000000')
   ORDER BY available_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
head AS (SELECT id, attempts > 0 AS crashed FROM due ORDER BY available_at, id LIMIT 1),
pick AS (SELECT due.id FROM due, head WHERE CASE WHEN head.crashed THEN due.id = head.id ELSE due.attempts = 0 END),
held AS (
  UPDATE automate_outboxjob o SET status = 'CLAIMED', attempts = o.attempts + 1, lease_id = %(lease_id)s,
         lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    FROM pick WHERE o.id = pick.id RETURNING o.id, o.kind, o.attempts, o.run_id, o.event_id, o.available_at)
SELECT h.id, h.kind, h.attempts, h.run_id, e.id AS event_id, e.type, e.source, e.payload::text, e.trace_id, e.received_at
  FROM held h LEFT JOIN automate_event e ON h.kind = 'event' AND e.id = h.event_id ORDER BY h.available_at, h.id
