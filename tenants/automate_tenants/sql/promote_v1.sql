-- promote: tenants whose next due time has come are ready. Returns how many, and seconds to the next one (null: none).
CREATE OR REPLACE FUNCTION public.automate_promote_v1()
RETURNS TABLE (promoted int, next_seconds double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH due AS (SELECT d.tenant_id FROM public.automate_tenants_dispatchtenant d
                WHERE d.wake_at <= now() ORDER BY d.tenant_id FOR UPDATE SKIP LOCKED)
  UPDATE public.automate_tenants_dispatchtenant d
     SET wake_at = NULL, ready = true,
         vtime = greatest(d.vtime, coalesce(
           (SELECT min(r.vtime) FROM public.automate_tenants_dispatchtenant r WHERE r.ready), d.vtime))
    FROM due WHERE d.tenant_id = due.tenant_id;
  GET DIAGNOSTICS promoted = ROW_COUNT;
  IF promoted > 0 THEN PERFORM pg_notify('automate_wake', ''); END IF;
  SELECT extract(epoch FROM min(d.wake_at) - now()) INTO next_seconds
    FROM public.automate_tenants_dispatchtenant d WHERE d.wake_at IS NOT NULL;
  RETURN NEXT;
END $$;
