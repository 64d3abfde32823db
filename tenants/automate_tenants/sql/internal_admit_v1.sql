-- internal_admit: how many of each event of one tenant's flush its rates let in, and when those that are held may run.
-- Called by accept and inside its transaction: a flush that is rolled back has used up nothing.
-- Endpoints are asked first, then the workspace; each rule counts what all of them let in.
-- The windows of the tenant and of its endpoints are locked in the order of their subjects, and the clock is read once all
-- are held. N <= 200: each admission keeps its time, rounded up to the ms; above, times are rounded up to the end of their
-- 100 ms bucket. A time counts until one window after it, so never more than N are admitted in any window.
-- A window without a row (new, or lost in a crash) is rebuilt from the events accepted in the latest window.
-- p_weights: how many requests each event stands for (repeats folded into it count too).
-- Returns arrays parallel to p_endpoints: v_admitted, v_slots (null: at once), and for the first refusal of each event
-- v_retry_ms, v_limits (N) and v_layers ('w' whole workspace, 'e' its endpoint); v_now is the moment of admission.
CREATE OR REPLACE FUNCTION public.automate_internal_admit_v1(
  p_tenant bigint, p_schema text, p_endpoints uuid[], p_weights int[],
  OUT v_admitted int[], OUT v_slots timestamptz[], OUT v_retry_ms bigint[], OUT v_limits int[], OUT v_layers text[],
  OUT v_now timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  c_workspace CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  c_hold_windows CONSTANT int := 10;  -- nothing is held longer than this many windows
  c_rounding_ms CONSTANT int := 2000;  -- each of them ends at a bucket's end
  v_count int := cardinality(p_endpoints);
  v_rules public.automate_tenants_webhooklimit[];
  v_rule public.automate_tenants_webhooklimit;
  v_subject text;
  v_times bigint[];  -- of the rule at hand
  v_counts int[];
  v_used int;
  v_ms bigint;
  v_wants int;
  v_fits int;
  v_step int;
  v_at bigint;
  v_wait bigint;
  v_slot bigint;
BEGIN
  SELECT array_agg(l ORDER BY l.endpoint_id) INTO v_rules FROM public.automate_tenants_webhooklimit l
   WHERE l.tenant_id = p_tenant AND (l.endpoint_id = c_workspace OR l.endpoint_id = ANY (p_endpoints));
  v_admitted := p_weights;
  v_slots := array_fill(NULL::timestamptz, ARRAY[v_count]);
  v_retry_ms := array_fill(NULL::bigint, ARRAY[v_count]);
  v_limits := array_fill(NULL::int, ARRAY[v_count]);
  v_layers := array_fill(NULL::text, ARRAY[v_count]);
  v_now := clock_timestamp();
  IF v_rules IS NULL THEN RETURN; END IF;

  FOREACH v_rule IN ARRAY v_rules LOOP
    v_subject := public.automate_internal_window_v1(p_tenant, p_schema, v_rule.endpoint_id, v_rule.per_window, v_rule.window_ms);
    PERFORM FROM public.automate_tenants_ratewindow w WHERE w.subject = v_subject FOR UPDATE;
  END LOOP;
  v_now := clock_timestamp();
  v_ms := floor(extract(epoch FROM v_now) * 1000)::bigint;

  -- The array is in the order of endpoint ids, with the workspace (zero) in front: walked backwards, endpoints come first.
  FOR r IN REVERSE array_upper(v_rules, 1)..1 LOOP
    v_rule := v_rules[r];
    v_subject := p_tenant || CASE v_rule.endpoint_id WHEN c_workspace THEN ':webhooks' ELSE ':endpoint:' || v_rule.endpoint_id END;
    SELECT coalesce(array_agg(u.t ORDER BY u.t), '{}'), coalesce(array_agg(u.c ORDER BY u.t), '{}'), coalesce(sum(u.c), 0)
      INTO v_times, v_counts, v_used
      FROM public.automate_tenants_ratewindow w, unnest(w.times, w.counts) u(t, c)
     WHERE w.subject = v_subject AND u.t + v_rule.window_ms > v_ms;
    v_step := CASE WHEN v_rule.per_window <= 200 AND NOT v_rule.is_held THEN 1 ELSE 100 END;
    v_at := (v_ms / v_step + 1) * v_step;
    -- When one more fits: as soon as what counts after that moment is less than N.
    SELECT coalesce(min(u.t), v_ms) + v_rule.window_ms - v_ms INTO v_wait
      FROM (SELECT t, v_used - sum(c) OVER (ORDER BY t) AS left_after FROM unnest(v_times, v_counts) x(t, c)) u
     WHERE u.left_after < v_rule.per_window;
    v_wants := 0;
    FOR i IN 1..v_count LOOP
      CONTINUE WHEN v_admitted[i] = 0 OR (v_rule.endpoint_id <> c_workspace AND p_endpoints[i] IS DISTINCT FROM v_rule.endpoint_id);
      IF v_rule.is_held THEN
        v_slot := public.automate_internal_slot_v1(v_times, v_counts, v_ms, v_rule.per_window, v_rule.window_ms);
        IF v_slot - v_ms <= c_hold_windows * v_rule.window_ms::bigint + c_rounding_ms THEN
          IF v_slot > v_ms THEN v_slots[i] := greatest(v_slots[i], to_timestamp(v_slot / 1000.0)); END IF;
          v_at := (v_slot / v_step + 1) * v_step;
          IF v_times[cardinality(v_times)] >= v_at THEN
            v_counts[cardinality(v_counts)] := v_counts[cardinality(v_counts)] + v_admitted[i];
          ELSE
            v_times := v_times || v_at;
            v_counts := v_counts || v_admitted[i];
          END IF;
          CONTINUE;
        END IF;
        v_fits := 0;
        v_wait := v_slot - v_ms - (c_hold_windows * v_rule.window_ms::bigint + c_rounding_ms);
      ELSE
        v_fits := least(v_admitted[i], greatest(0, v_rule.per_window - v_used - v_wants));
        v_wants := v_wants + v_fits;
      END IF;
      IF v_fits < v_admitted[i] THEN
        -- Full by this very flush: the first of its own admissions is the first to expire.
        v_retry_ms[i] := CASE WHEN v_rule.is_held OR v_times <> '{}' THEN greatest(v_wait, 1) ELSE v_at - v_ms + v_rule.window_ms END;
        v_limits[i] := v_rule.per_window;
        v_layers[i] := CASE v_rule.endpoint_id WHEN c_workspace THEN 'w' ELSE 'e' END;
        v_admitted[i] := v_fits;
      END IF;
    END LOOP;
    IF v_rule.is_held THEN
      UPDATE public.automate_tenants_ratewindow w SET times = v_times, counts = v_counts WHERE w.subject = v_subject;
    END IF;
  END LOOP;

  FOREACH v_rule IN ARRAY v_rules LOOP  -- only now is it known what all rules let in
    CONTINUE WHEN v_rule.is_held;
    SELECT sum(a) INTO v_wants FROM unnest(v_admitted, p_endpoints) u(a, e)
     WHERE v_rule.endpoint_id = c_workspace OR e = v_rule.endpoint_id;
    CONTINUE WHEN coalesce(v_wants, 0) = 0;
    v_step := CASE WHEN v_rule.per_window <= 200 THEN 1 ELSE 100 END;
    v_at := (v_ms / v_step + 1) * v_step;
    v_subject := p_tenant || CASE v_rule.endpoint_id WHEN c_workspace THEN ':webhooks' ELSE ':endpoint:' || v_rule.endpoint_id END;
    UPDATE public.automate_tenants_ratewindow w SET (times, counts) = (
      SELECT array_agg(x.t ORDER BY x.t), array_agg(x.c ORDER BY x.t)
        FROM (SELECT t, sum(c)::int AS c
                FROM (SELECT t, c FROM unnest(w.times, w.counts) u(t, c) WHERE t + v_rule.window_ms > v_ms
                      UNION ALL SELECT v_at, v_wants) y GROUP BY t) x)
     WHERE w.subject = v_subject;
  END LOOP;
END $$;
