-- internal_slot: the first moment (ms since 1970) from p_now on at which one more fits into a window, not before what was
-- promised already. p_times rises; a time lies in the future where something is held until then.
CREATE OR REPLACE FUNCTION public.automate_internal_slot_v1(p_times bigint[], p_counts int[], p_now bigint, p_limit int, p_window int)
RETURNS bigint LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_last int := cardinality(p_times);
  v_at bigint := p_now;
  v_used bigint;
BEGIN
  IF v_last > 0 THEN v_at := greatest(p_now, p_times[v_last] - 100); END IF;  -- a bucket's end promised nobody anything
  SELECT coalesce(sum(c), 0) INTO v_used FROM unnest(p_times, p_counts) u(t, c) WHERE t + p_window > v_at;
  FOR i IN 1..v_last LOOP
    EXIT WHEN v_used < p_limit;
    CONTINUE WHEN p_times[i] + p_window <= v_at;
    v_used := v_used - p_counts[i];
    v_at := greatest(v_at, p_times[i] + p_window);
  END LOOP;
  RETURN v_at;
END $$;
