-- admit: let one request of a subject (an API key) in, or say when to come back. Never more than p_limit in any p_window ms,
-- across all processes: the row is locked before the clock is read. Rounding as in internal_admit.
-- Returns whether it was let in, how many more would be, and ms until one more fits (0 while some are left).
CREATE OR REPLACE FUNCTION public.automate_admit_v1(p_tenant bigint, p_subject text, p_limit int, p_window int)
RETURNS TABLE (is_admitted boolean, remaining int, retry_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_subject text := p_tenant || ':' || p_subject;
  v_times bigint[];
  v_counts int[];
  v_used bigint;
  v_ms bigint;
  v_at bigint;
  v_step int := CASE WHEN p_limit <= 200 THEN 1 ELSE 100 END;
BEGIN
  INSERT INTO public.automate_tenants_ratewindow (subject, tenant_id, times, counts) VALUES (v_subject, p_tenant, '{}', '{}')
  ON CONFLICT DO NOTHING;
  PERFORM FROM public.automate_tenants_ratewindow w WHERE w.subject = v_subject FOR UPDATE;
  v_ms := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
  v_at := (v_ms / v_step + 1) * v_step;
  SELECT coalesce(array_agg(u.t ORDER BY u.t), '{}'), coalesce(array_agg(u.c ORDER BY u.t), '{}'), coalesce(sum(u.c), 0)
    INTO v_times, v_counts, v_used
    FROM public.automate_tenants_ratewindow w, unnest(w.times, w.counts) u(t, c)
   WHERE w.subject = v_subject AND u.t + p_window > v_ms;
  is_admitted := v_used < p_limit;
  IF is_admitted THEN
    v_used := v_used + 1;
    IF v_times[cardinality(v_times)] >= v_at THEN
      v_counts[cardinality(v_counts)] := v_counts[cardinality(v_counts)] + 1;
    ELSE
      v_times := v_times || v_at;
      v_counts := v_counts || 1;
    END IF;
    UPDATE public.automate_tenants_ratewindow w SET times = v_times, counts = v_counts WHERE w.subject = v_subject;
  END IF;
  remaining := greatest(0, p_limit - v_used);
  retry_ms := 0;
  IF remaining = 0 THEN
    SELECT min(u.t) + p_window - v_ms INTO retry_ms
      FROM (SELECT t, v_used - sum(c) OVER (ORDER BY t) AS left_after FROM unnest(v_times, v_counts) x(t, c)) u
     WHERE u.left_after < p_limit;
  END IF;
  RETURN NEXT;
END $$;
