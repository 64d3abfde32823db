-- settle: the last statement of every write for a claim, in its transaction. Adjusts what is in flight, charges the
-- measured seconds to the tenant's share, and ends the lease when no job is left in it (p_job_ids empty).
-- Never clears `ready`: it may only find that there is more to do.
CREATE OR REPLACE FUNCTION public.automate_settle_v1(p_lease bigint, p_job_ids bigint[], p_seconds double precision)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_tenant bigint; v_schema text; v_before int; v_due boolean; v_next timestamptz;
BEGIN
  SELECT l.tenant_id, cardinality(l.job_ids), d.schema_name INTO v_tenant, v_before, v_schema
    FROM public.automate_tenants_dispatchlease l
    JOIN public.automate_tenants_dispatchtenant d ON d.tenant_id = l.tenant_id WHERE l.lease_id = p_lease;
  IF cardinality(p_job_ids) = 0 THEN
    DELETE FROM public.automate_tenants_dispatchlease l WHERE l.lease_id = p_lease;
  ELSE
    UPDATE public.automate_tenants_dispatchlease l SET job_ids = p_job_ids WHERE l.lease_id = p_lease;
  END IF;
  EXECUTE format($q$SELECT coalesce(bool_or(available_at <= now()), false), min(available_at) FILTER (WHERE available_at > now())
                      FROM (SELECT available_at FROM %I.automate_outboxjob WHERE status = 'PENDING'
                             ORDER BY available_at, id LIMIT 1) head$q$, v_schema) INTO v_due, v_next;
  UPDATE public.automate_tenants_dispatchtenant d
     SET inflight = greatest(0, d.inflight - v_before + cardinality(p_job_ids)),
         -- the claim charged one second a job in advance; what is left in the lease stays charged so
         vtime = d.vtime + (p_seconds - greatest(0, v_before - cardinality(p_job_ids))) / d.weight,
         ready = d.ready OR v_due,
         wake_at = least(d.wake_at, v_next)
   WHERE d.tenant_id = v_tenant;
END $$;
