-- internal_window: make sure that a webhook rate has its row; returns its subject. A new row, also after a crash emptied
-- the table, starts with the events accepted in the latest window and those that are still held.
CREATE OR REPLACE FUNCTION public.automate_internal_window_v1(
  p_tenant bigint, p_schema text, p_endpoint uuid, p_limit int, p_window int)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_is_all boolean := p_endpoint = '00000000-0000-0000-0000-000000000000';
  v_subject text := p_tenant || CASE WHEN v_is_all THEN ':webhooks' ELSE ':endpoint:' || p_endpoint END;
  v_source text;
  v_since timestamptz := clock_timestamp() - make_interval(secs => p_window / 1000.0);
  v_step int := CASE WHEN p_limit <= 200 THEN 1 ELSE 100 END;
  v_times bigint[];
  v_counts int[];
BEGIN
  PERFORM FROM public.automate_tenants_ratewindow w WHERE w.subject = v_subject;
  IF FOUND THEN RETURN v_subject; END IF;
  SELECT r.source INTO v_source FROM public.automate_tenants_webhookroute r WHERE r.endpoint_id = p_endpoint;
  -- Event ids are UUIDv7: the range of ids finds the newest without another index; clocks may differ by a minute.
  EXECUTE format($q$
    SELECT coalesce(array_agg(s.t ORDER BY s.t), '{}'), coalesce(array_agg(s.c ORDER BY s.t), '{}')
      FROM (SELECT (floor(extract(epoch FROM greatest(e.received_at, o.available_at)) * 1000)::bigint / $1 + 1) * $1 AS t,
                   count(*)::int AS c
              FROM %1$I.automate_event e
              LEFT JOIN %1$I.automate_outboxjob o ON o.event_id = e.id AND o.kind = 'event' AND o.status = 'PENDING'
             WHERE e.id >= (lpad(to_hex(floor(extract(epoch FROM $2) * 1000)::bigint - 660000), 12, '0') || repeat('0', 20))::uuid
               AND (e.received_at > $2 OR o.available_at > $2)
               AND CASE WHEN $3 THEN e.source LIKE 'webhook:%%' ELSE e.source = $4 END
             GROUP BY 1) s $q$, p_schema)
    INTO v_times, v_counts USING v_step, v_since, v_is_all, v_source;
  INSERT INTO public.automate_tenants_ratewindow (subject, tenant_id, times, counts)
  VALUES (v_subject, p_tenant, v_times, v_counts) ON CONFLICT DO NOTHING;
  RETURN v_subject;
END $$;
