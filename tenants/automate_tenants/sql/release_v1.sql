-- release: give a whole claim back as if it had not been made. False when the lease was lost.
CREATE OR REPLACE FUNCTION public.automate_release_v1(p_lease bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE l record; v_schema text;
BEGIN
  SELECT * INTO l FROM public.automate_tenants_dispatchlease x WHERE x.lease_id = p_lease FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  SELECT d.schema_name INTO v_schema FROM public.automate_tenants_dispatchtenant d WHERE d.tenant_id = l.tenant_id;
  EXECUTE format($q$UPDATE %I.automate_outboxjob
      SET status = 'PENDING', attempts = greatest(0, attempts - 1), lease_id = NULL, lease_expires_at = NULL
    WHERE id = ANY ($1) AND lease_id = $2 AND status = 'CLAIMED'$q$, v_schema) USING l.job_ids, p_lease;
  DELETE FROM public.automate_tenants_dispatchlease x WHERE x.lease_id = p_lease;
  UPDATE public.automate_tenants_dispatchtenant d
     SET inflight = greatest(0, d.inflight - cardinality(l.job_ids)), ready = true,
         vtime = d.vtime - cardinality(l.job_ids) / d.weight
   WHERE d.tenant_id = l.tenant_id;
  PERFORM pg_notify('automate_wake', '');
  RETURN true;
END $$;
