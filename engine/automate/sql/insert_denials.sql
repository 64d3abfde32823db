-- insert_denials: an audit entry for the first denial of each episode; its ids rise with time, so the index finds the hour.
INSERT INTO automate_auditlogentry (id, actor, action, resource, details, trace_id, ip, created_at)
SELECT DISTINCT ON (u.episode) u.id, 'system', 'policy.deny', u.resource, u.details::jsonb, u.trace_id, NULL, u.created_at
  FROM unnest(%(id)b::uuid[], %(episode)b::text[], %(after)b::uuid[], %(resource)b::text[], %(details)b::text[],
              %(trace_id)b::uuid[], %(created_at)b::timestamptz[])
    AS u (id, episode, after, resource, details, trace_id, created_at)
 WHERE NOT EXISTS (SELECT FROM automate_auditlogentry a
                    WHERE a.resource = u.resource AND a.id >= u.after AND a.action = 'policy.deny'
                      AND a.details ->> 'episode' = u.episode)
 ORDER BY u.episode, u.id
