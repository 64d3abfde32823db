-- standing: how many jobs are due and wait, and for how many seconds the oldest has, over the tenants that have work now.
-- Looks into at most p_limit schemas, those whose turn is nearest: a signal for scaling, not an account.
CREATE OR REPLACE FUNCTION public.automate_standing_v1(p_limit int)
RETURNS TABLE (due bigint, lag_seconds double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE t record; v_due bigint; v_oldest timestamptz; v_first timestamptz := now(); v_sum bigint := 0;
BEGIN
  FOR t IN SELECT d.schema_name FROM public.automate_tenants_dispatchtenant d
            WHERE d.ready AND (d.paused_until IS NULL OR d.paused_until <= now()) ORDER BY d.vtime LIMIT p_limit LOOP
    EXECUTE format($q$SELECT count(*), min(available_at) FROM %I.automate_outboxjob
                       WHERE status = 'PENDING' AND available_at <= now()$q$, t.schema_name) INTO v_due, v_oldest;
    v_sum := v_sum + v_due;
    v_first := least(v_first, coalesce(v_oldest, v_first));
  END LOOP;
  RETURN QUERY SELECT v_sum, extract(epoch FROM now() - v_first)::double precision;
END $$;
