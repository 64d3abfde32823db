-- ring: say that committed work is waiting for these tenants. Call after the commit, alone: ringing first could lose it.
-- Writes nothing and locks nothing for a tenant that is already ready. True when a worker was woken.
CREATE OR REPLACE FUNCTION public.automate_ring_v1(p_tenants bigint[])
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_tenant bigint; v_woken boolean := false;
BEGIN
  FOREACH v_tenant IN ARRAY ARRAY(SELECT DISTINCT t FROM unnest(p_tenants) t ORDER BY t) LOOP  -- one lock order for all
    UPDATE public.automate_tenants_dispatchtenant d
       SET ready = true,  -- a tenant that returns starts at the current minimum: no hoarded credit
           vtime = greatest(d.vtime, coalesce(
             (SELECT min(r.vtime) FROM public.automate_tenants_dispatchtenant r WHERE r.ready), d.vtime))
     WHERE d.tenant_id = v_tenant AND NOT d.ready;
    v_woken := v_woken OR FOUND;
  END LOOP;
  IF v_woken THEN
    PERFORM set_config('synchronous_commit', 'off', true);  -- a hint need not be durable
    PERFORM pg_notify('automate_wake', '');
  END IF;
  RETURN v_woken;
END $$;
