-- insert_events: events that the work on a claim made, each with the job that will match it.
WITH stored AS (
  INSERT INTO automate_event (id, type, payload, source, trace_id, received_at)
  SELECT id, type, payload::jsonb, source, trace_id, received_at
    FROM unnest(%(id)b::uuid[], %(type)b::text[], %(payload)b::text[], %(source)b::text[], %(trace_id)b::uuid[],
                %(received_at)b::timestamptz[]) AS u (id, type, payload, source, trace_id, received_at)
  RETURNING id, trace_id)
INSERT INTO automate_outboxjob (kind, event_id, status, available_at, attempts, trace_id)
SELECT 'event', id, 'PENDING', now(), 0, trace_id FROM stored
