-- internal_grant: rights of the app role in one tenant's schema; after provisioning and after each migration of it.
-- Rows may be read and written; audit entries and versions only added; the migration ledger only read.
CREATE OR REPLACE FUNCTION public.automate_internal_grant_v1(p_schema text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_table text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'automate_app') THEN RETURN; END IF;  -- one role for everything
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO automate_app', p_schema);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO automate_app', p_schema);
  EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO automate_app', p_schema);
  EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO automate_app', p_schema);  -- they run with its own rights
  FOREACH v_table IN ARRAY ARRAY['automate_auditlogentry', 'automate_auditlink', 'automate_workflowversion'] LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', p_schema, v_table)) IS NULL;  -- a schema that is not migrated yet
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I.%I FROM automate_app', p_schema, v_table);
  END LOOP;
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %I.django_migrations FROM automate_app', p_schema);
END $$;
