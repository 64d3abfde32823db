-- sweep: find tenants whose ring was lost (a process died between commit and ring) without visiting their schemas. Only
-- tenants whose outbox has had inserts since the last sweep are looked into. Counters may lag by 10 s, and start at 0
-- after a crash of the server: then everything is looked into once. Needs PostgreSQL 15. Returns tenants made ready.
CREATE OR REPLACE FUNCTION public.automate_sweep_v1(p_limit int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t record; v_due boolean; v_next timestamptz; v_count int := 0;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR t IN SELECT d.tenant_id, d.schema_name, pg_stat_get_tuples_inserted(d.outbox_relid::oid) AS inserts
             FROM public.automate_tenants_dispatchtenant d
            WHERE NOT d.ready AND pg_stat_get_tuples_inserted(d.outbox_relid::oid) <> d.swept_inserts
            ORDER BY d.tenant_id LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
    BEGIN
      EXECUTE format($q$SELECT coalesce(bool_or(available_at <= now()), false), min(available_at) FILTER (WHERE available_at > now())
                          FROM (SELECT available_at FROM %I.automate_outboxjob WHERE status = 'PENDING'
                                 ORDER BY available_at, id LIMIT 1) head$q$, t.schema_name) INTO v_due, v_next;
    EXCEPTION WHEN OTHERS THEN
      UPDATE public.automate_tenants_dispatchtenant d SET latest_error = left(SQLERRM, 500) WHERE d.tenant_id = t.tenant_id;
      CONTINUE;
    END;
    UPDATE public.automate_tenants_dispatchtenant d
       SET ready = v_due AND d.inflight < d.max_inflight, swept_inserts = t.inserts, wake_at = least(d.wake_at, v_next)
     WHERE d.tenant_id = t.tenant_id;
    v_count := v_count + v_due::int;
  END LOOP;
  IF v_count > 0 THEN PERFORM pg_notify('automate_wake', ''); END IF;
  RETURN v_count;
END $$;
