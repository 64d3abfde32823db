-- offer_events: events that some open wait may be about get a job to find out; with no such wait this writes nothing.
INSERT INTO automate_outboxjob (kind, event_id, status, available_at, attempts, trace_id)
SELECT 'tick', u.event_id, 'PENDING', now(), 0, u.trace_id
  FROM unnest(%(event_ids)b::uuid[], %(types)b::text[], %(trace_ids)b::uuid[]) AS u (event_id, type, trace_id)
 WHERE EXISTS (SELECT FROM automate_runwait w WHERE w.status = 'open' AND w.kind = 'event' AND w.event_type = u.type)
