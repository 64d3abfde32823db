-- note_held: of these events, those that wait for the plan are no use of it yet: taken off again what their insert counted.
CREATE OR REPLACE FUNCTION public.automate_internal_note_held_v1(p_schema text, p_events uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format($q$
    WITH held AS (SELECT e.source, count(*) AS n FROM %1$I.automate_outboxjob o JOIN %1$I.automate_event e ON e.id = o.event_id
                   WHERE o.kind = 'event' AND o.event_id = ANY ($1) AND o.available_at = timestamptz '9998-01-01 00:00:00+00'
                   GROUP BY e.source)
    INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
    SELECT $2, now(), 'events', source, -n FROM held UNION ALL SELECT $2, now(), 'held', '', n FROM held $q$, p_schema)
    USING p_events, p_schema;
END $$;
