-- recent_runs: of each workflow the newest runs since a moment, at most so many, counted by hour back from now and status.
-- Ids rise with time, so each workflow is one short walk back over its own index, however many runs there are.
SELECT w.id, least(23, floor(extract(epoch FROM %(now)s - r.created_at) / 3600))::int AS hours_ago, r.status, count(*)
  FROM unnest(%(workflow_ids)s::uuid[]) AS w (id)
 CROSS JOIN LATERAL (SELECT created_at, status FROM automate_executionrun
                      WHERE workflow_id = w.id AND id >= %(since_id)s ORDER BY id DESC LIMIT %(most)s) r
 GROUP BY 1, 2, 3
