-- release_over_plan: let the oldest events that wait for the plan go on, at most so many; now they are use of it. Those of a
-- paused endpoint, or of a workspace that is full for another reason, go on waiting for that.
WITH due AS (SELECT o.id, e.source FROM automate_outboxjob o JOIN automate_event e ON e.id = o.event_id
              WHERE o.kind = 'event' AND o.status = 'PENDING' AND o.available_at = timestamptz '9998-01-01 00:00:00+00'
              ORDER BY o.id LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED),
     freed AS (UPDATE automate_outboxjob o
                  SET available_at = CASE WHEN %(is_full)s OR due.source = ANY (%(paused)s::text[])
                                          THEN timestamptz '9999-01-01 00:00:00+00' ELSE now() END
                 FROM due WHERE o.id = due.id RETURNING due.source),
     counted AS (INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
                 SELECT %(schema)s, now(), 'events', source, count(*) FROM freed GROUP BY source
                 UNION ALL SELECT %(schema)s, now(), 'held', '', -count(*) FROM freed HAVING count(*) > 0)
SELECT count(*) FROM freed
