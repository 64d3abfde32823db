-- hold: the first statement of every write for a claim. Locks the lease, so that no reaper takes it meanwhile; raises
-- AU001 (the whole transaction is undone) when the lease is gone.
CREATE OR REPLACE FUNCTION public.automate_hold_v1(p_lease bigint)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM 1 FROM public.automate_tenants_dispatchlease l WHERE l.lease_id = p_lease FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'AU001';
  END IF;
END $$;
