-- recheck: after a claim that cleared `ready` has committed, look once more. Either the ring came before the claim's
-- commit (then the job is visible here) or after it (then the ring itself set ready).
CREATE OR REPLACE FUNCTION public.automate_recheck_v1(p_tenants bigint[])
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t record; v_due boolean; v_count int := 0;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR t IN SELECT d.tenant_id, d.schema_name FROM public.automate_tenants_dispatchtenant d
            WHERE d.tenant_id = ANY (p_tenants) AND NOT d.ready ORDER BY d.tenant_id LOOP
    EXECUTE format($q$SELECT EXISTS (SELECT 1 FROM %I.automate_outboxjob
                       WHERE status = 'PENDING' AND available_at <= now())$q$, t.schema_name) INTO v_due;
    IF v_due THEN
      UPDATE public.automate_tenants_dispatchtenant d SET ready = true WHERE d.tenant_id = t.tenant_id AND NOT d.ready
         AND d.inflight < d.max_inflight;  -- a full tenant is made ready by its next finish
      v_count := v_count + 1;
    END IF;
  END LOOP;
  RETURN v_count;
END $$;
