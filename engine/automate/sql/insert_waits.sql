-- insert_waits: what runs wait for from now on. One that is there already, made before a crash, stays as it is.
INSERT INTO automate_runwait (id, run_id, step_id, item, kind, event_type, rule, since, child_run_id, details, created_at,
                              expires_at, trace_id, status, answered_by)
SELECT id, run_id, step_id, item, kind, event_type, rule::jsonb, since, child_run_id, details::jsonb, created_at,
       expires_at, trace_id, 'open', ''
  FROM unnest(%(id)b::uuid[], %(run_id)b::uuid[], %(step_id)b::text[], %(item)b::int[], %(kind)b::text[],
              %(event_type)b::text[], %(rule)b::text[], %(since)b::timestamptz[], %(child_run_id)b::uuid[],
              %(details)b::text[], %(created_at)b::timestamptz[], %(expires_at)b::timestamptz[], %(trace_id)b::uuid[])
    AS u (id, run_id, step_id, item, kind, event_type, rule, since, child_run_id, details, created_at, expires_at, trace_id)
ON CONFLICT (id) DO NOTHING
