-- provision: a new workspace's row, schema, tables, rights and place in the dispatch, from the newest template.
-- One transaction, one round trip. The schema's name comes from our own random bytes and is checked all the same.
CREATE OR REPLACE FUNCTION public.automate_provision_v1(
  p_schema text, p_slug text, p_name text, p_now timestamptz)
RETURNS TABLE (tenant_id bigint, schema_version text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE v_tenant bigint; v_version text; v_ddl text; v_migrations jsonb;
BEGIN
  IF p_schema !~ '\At_[a-z2-7]{16}\Z' THEN
    RAISE EXCEPTION 'not a name of a tenant schema: %', left(p_schema, 80) USING ERRCODE = 'invalid_schema_name';
  END IF;
  SELECT t.version, t.ddl, t.migrations INTO v_version, v_ddl, v_migrations
    FROM public.automate_tenants_tenanttemplate t ORDER BY t.rendered_at DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no template of the tenant tables: run automate migrate'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  INSERT INTO public.automate_tenants_tenant (schema_name, slug, name, status, schema_version, timezone, created_at)
  VALUES (p_schema, p_slug, p_name, 'active', v_version, 'UTC', p_now) RETURNING id INTO v_tenant;

  EXECUTE format('CREATE SCHEMA %I', p_schema);
  PERFORM set_config('search_path', format('%I, pg_temp', p_schema), true);  -- ends with this function
  EXECUTE v_ddl;
  EXECUTE format($q$INSERT INTO %I.django_migrations (app, name, applied)
                    SELECT m ->> 0, m ->> 1, $2 FROM jsonb_array_elements($1) WITH ORDINALITY AS x(m, n) ORDER BY n$q$,
                 p_schema) USING v_migrations, p_now;
  PERFORM public.automate_internal_grant_v1(p_schema);

  INSERT INTO public.automate_tenants_dispatchtenant (
    tenant_id, schema_name, weight, max_inflight, inflight, vtime, ready, latest_error, config_version, outbox_relid,
    swept_inserts)
  VALUES (v_tenant, p_schema, 1, 200, 0, 0, false, '', 1, format('%I.automate_outboxjob', p_schema)::regclass::oid::bigint,
          0);
  RETURN QUERY SELECT v_tenant, v_version;
END $$;
