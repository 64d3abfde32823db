-- renew: extend the leases this worker still holds. Ids that are not returned are lost: abort those batches.
CREATE OR REPLACE FUNCTION public.automate_renew_v1(p_worker text, p_leases bigint[], p_lease_seconds double precision)
RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY
    WITH mine AS (SELECT l.lease_id FROM public.automate_tenants_dispatchlease l
                   WHERE l.lease_id = ANY (p_leases) AND l.worker = p_worker AND l.lease_until > now()
                   ORDER BY l.lease_id FOR UPDATE)
    UPDATE public.automate_tenants_dispatchlease l SET lease_until = now() + make_interval(secs => p_lease_seconds)
      FROM mine WHERE l.lease_id = mine.lease_id RETURNING l.lease_id;
END $$;
