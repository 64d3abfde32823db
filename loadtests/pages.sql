-- pages: `:rows` events over `:days` days, evenly, each with dedupe key, decision, run and one step, for `loadtests.pages`.
-- Runs in the workspace's schema, triggers off. Ids begin with the millisecond, as the product makes them.
CREATE FUNCTION pg_temp.made_id(at timestamptz, version text, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || version || substr(md5(salt), 1, 3) || '8'
        || substr(md5(salt), 4, 15))::uuid
$$;

CREATE TEMP TABLE made AS
WITH flows AS (
  SELECT array_agg(id ORDER BY slug) AS ids, array_agg(active_version_id ORDER BY slug) AS versions, count(*)::int AS many
    FROM automate_workflow
)
SELECT n, at, pg_temp.made_id(at, '7', 'event' || n) AS event_id, pg_temp.made_id(at, '8', 'run' || n) AS run_id,
       pg_temp.made_id(at, '8', 'step' || n) AS step_id, md5('trace' || n)::uuid AS trace_id,
       ids[1 + n % many] AS workflow_id, versions[1 + n % many] AS version_id,
       CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 100 = 1 THEN 'cancelled' WHEN n % 20000 = 3 THEN 'held'
            ELSE 'succeeded' END AS status,
       interval '1 ms' * (50 + n::bigint * 7919 % 4000) AS took
  FROM flows, (SELECT n, now() - interval '1 day' * :days * (:rows - n) / :rows AS at FROM generate_series(1, :rows) n) moments;

INSERT INTO automate_event (id, type, payload, source, headers, trace_id, received_at)
SELECT event_id, 'type.' || n % 20, jsonb_build_object('order', jsonb_build_object('id', n, 'total', n % 500)),
       'webhook:default', '{"user-agent": "load"}', trace_id, at
  FROM made ORDER BY n;

INSERT INTO automate_dedupe (id, source, key, event_id, body_hash, repeats, expires_at, trace_id)
SELECT md5('dedupe' || n)::uuid, 'webhook:1', n::text, event_id, '\x00', 0, at + interval '7 days', trace_id
  FROM made ORDER BY n;

INSERT INTO automate_matchdecision
       (event_id, workflow_id, version_id, run_id, decision, reason, failed_at, trace_id, decided_at)
SELECT event_id, workflow_id, version_id, run_id, 'started', 'rule_true', '', trace_id, at
  FROM made ORDER BY n;

INSERT INTO automate_executionrun
       (id, event_id, workflow_id, version_id, trace_id, status, outputs, error, steps_done, steps_total, created_at,
        started_at, ended_at, origin, parent_step_id, attempt, hops, concurrency_key, error_fingerprint)
SELECT run_id, event_id, workflow_id, version_id, trace_id, status, '{"note": {"message": "hello"}}',
       CASE status WHEN 'failed' THEN jsonb_build_object('code', 'boom', 'message', 'It broke.', 'step', 'note') END,
       1, 1, at, at, CASE WHEN status <> 'held' THEN at + took END, 'event', '', 1, 0, '',
       CASE status WHEN 'failed' THEN md5((n / 50 % 40)::text) ELSE '' END
  FROM made ORDER BY n;

INSERT INTO automate_steprun
       (id, run_id, step_id, position, item, round, attempt, connector, action, status, input, output, logs, started_at,
        ended_at, trace_id)
SELECT step_id, run_id, 'note', 0, 0, 1, 1, 'core', 'log', CASE status WHEN 'held' THEN 'unknown' ELSE status END,
       '{"message": "hello"}', '{"message": "hello"}', '[]', at, at + took, trace_id
  FROM made ORDER BY n;

DROP TABLE made;
