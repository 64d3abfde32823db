-- load_hops: of events whose trace did not begin with them: what their request said, how many runs the trace has here (up to
-- 1001), and the newest of those.
SELECT e.id, e.headers::text,
       (SELECT count(*) FROM (SELECT FROM automate_executionrun r WHERE r.trace_id = e.trace_id LIMIT 1001) found),
       (SELECT r.id FROM automate_executionrun r WHERE r.trace_id = e.trace_id ORDER BY r.id DESC LIMIT 1)
  FROM automate_event e WHERE e.id = ANY (%(ids)b::uuid[])
