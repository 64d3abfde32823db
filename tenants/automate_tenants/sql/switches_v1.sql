-- switches: what a worker's once-a-second look is told. The first row (lease null): is the installation's kill switch on. Then a
-- row for each of its leases: is the tenant's on, and the number of the tenant's configuration, which says whether to look
-- for halted workflows.
CREATE OR REPLACE FUNCTION public.automate_switches_v1(p_leases bigint[])
RETURNS TABLE (lease_id bigint, halted boolean, config_version bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT NULL::bigint, EXISTS (SELECT FROM public.automate_tenants_installationhalt), NULL::bigint;
  RETURN QUERY SELECT l.lease_id, d.halted_at IS NOT NULL, d.config_version
    FROM public.automate_tenants_dispatchlease l
    JOIN public.automate_tenants_dispatchtenant d ON d.tenant_id = l.tenant_id WHERE l.lease_id = ANY (p_leases);
END $$;
