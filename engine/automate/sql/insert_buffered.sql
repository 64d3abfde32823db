-- insert_buffered: events gathered for one run. The buffer's row is the lock between those who add and the tick that takes;
-- the first event opens it with a tick job of its own, a full batch makes that job due at once.
WITH u AS (
  SELECT * FROM unnest(%(workflow_id)b::uuid[], %(version_id)b::uuid[], %(key)b::text[], %(kind)b::text[],
                       %(event_id)b::uuid[], %(seconds)b::float8[], %(max_seconds)b::float8[], %(size)b::int[],
                       %(trace_id)b::uuid[])
    WITH ORDINALITY AS x (workflow_id, version_id, key, kind, event_id, seconds, max_seconds, size, trace_id, ord)),
sums AS (
  SELECT DISTINCT ON (workflow_id, key) workflow_id, key, version_id, kind, seconds, max_seconds, size,
         count(*) OVER (PARTITION BY workflow_id, key) AS n
    FROM u ORDER BY workflow_id, key, ord DESC),
buffer AS (
  INSERT INTO automate_eventbuffer AS b
    (id, workflow_id, version_id, key, kind, count, size, opened_at, due_at, until_at, tick_job_id)
  SELECT gen_random_uuid(), workflow_id, version_id, key, kind, n, size, now(),
         now() + CASE WHEN n >= size THEN 0 ELSE seconds END * interval '1 s', now() + max_seconds * interval '1 s',
         nextval(pg_get_serial_sequence('automate_outboxjob', 'id'))
    FROM sums ORDER BY workflow_id, key
  ON CONFLICT (workflow_id, key) DO UPDATE
     SET count = b.count + excluded.count, version_id = excluded.version_id, size = excluded.size, kind = excluded.kind,
         due_at = CASE WHEN excluded.kind = 'debounce' THEN least(coalesce(b.until_at, excluded.until_at), excluded.due_at)
                       WHEN b.count + excluded.count >= excluded.size THEN now() ELSE b.due_at END
  RETURNING id, workflow_id, key, kind, due_at, tick_job_id, (xmax = 0) AS is_new),
items AS (
  INSERT INTO automate_bufferedevent (buffer_id, event_id, trace_id)
  SELECT buffer.id, u.event_id, u.trace_id FROM u JOIN buffer USING (workflow_id, key) ORDER BY u.ord ON CONFLICT DO NOTHING),
tick AS (
  INSERT INTO automate_outboxjob (id, kind, subject_id, status, available_at, attempts)
  SELECT tick_job_id, 'tick', id, 'PENDING', due_at, 0 FROM buffer WHERE is_new)
UPDATE automate_outboxjob o SET available_at = buffer.due_at
  FROM buffer WHERE NOT buffer.is_new AND buffer.kind = 'batch' AND buffer.due_at <= now()
   AND o.id = buffer.tick_job_id AND o.status = 'PENDING'
