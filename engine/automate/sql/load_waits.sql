-- load_waits: every wait of these runs, each with the event that answered it.
SELECT w.id, w.run_id, w.step_id, w.item, w.kind, w.status, w.event_type, w.rule::text, w.since, w.expires_at,
       w.child_run_id, w.answer::text, w.answered_by, w.answered_at,
       e.id, e.type, e.source, e.payload::text, e.trace_id, e.received_at
  FROM automate_runwait w
  LEFT JOIN automate_event e ON w.kind = 'event' AND w.status = 'answered' AND e.id = (w.answer ->> 'event_id')::uuid
 WHERE w.run_id = ANY (%(run_ids)b::uuid[])
