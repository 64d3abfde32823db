-- insert_places: places in orders, taken in the transaction that completes the event's job; the run is asked for it later.
WITH mine AS (
  INSERT INTO automate_queueplace (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at, trace_id)
  SELECT u.run_id, u.kind, u.key, u.workflow_id, u.place, u.cap, u.on_stuck, now(), r.trace_id
    FROM unnest(%(run_id)b::uuid[], %(kind)b::text[], %(key)b::text[], %(workflow_id)b::uuid[], %(place)b::bigint[],
                %(cap)b::int[], %(on_stuck)b::text[]) AS u (run_id, kind, key, workflow_id, place, cap, on_stuck)
    LEFT JOIN automate_executionrun r ON r.id = u.run_id
  ON CONFLICT (run_id, kind) DO NOTHING RETURNING run_id, key)
UPDATE automate_executionrun r SET concurrency_key = mine.key FROM mine WHERE r.id = mine.run_id AND r.concurrency_key = ''
