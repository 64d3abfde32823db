-- audit_due: the tenants whose audit logs have entries to chain. The hint is set after each commit that wrote one; with
-- p_sweep, logs that have grown although nobody said so are found by PostgreSQL's own counters, visiting no schema.
CREATE OR REPLACE FUNCTION public.automate_audit_due_v1(p_sweep boolean)
RETURNS TABLE (tenant_id bigint, schema_name text, slug text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF p_sweep THEN
    INSERT INTO public.automate_tenants_audithead (tenant_id, seq, hash, is_pending, swept_inserts)
      SELECT t.id, 0, decode(repeat('00', 32), 'hex'), true, -1 FROM public.automate_tenants_tenant t
      ON CONFLICT (tenant_id) DO NOTHING;
    UPDATE public.automate_tenants_audithead h SET is_pending = true, swept_inserts = s.inserts
      FROM (SELECT t.id, coalesce(pg_stat_get_tuples_inserted(
                     to_regclass(format('%I.automate_auditlogentry', t.schema_name))::oid), 0) AS inserts
              FROM public.automate_tenants_tenant t) s
     WHERE s.id = h.tenant_id AND s.inserts <> h.swept_inserts;
  END IF;
  RETURN QUERY SELECT t.id, t.schema_name::text, t.slug::text FROM public.automate_tenants_audithead h
    JOIN public.automate_tenants_tenant t ON t.id = h.tenant_id WHERE h.is_pending ORDER BY t.id LIMIT 1000;
END $$;
