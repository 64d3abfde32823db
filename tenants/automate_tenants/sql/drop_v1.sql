-- drop: the schema of a workspace whose deletion is due, with everything in it, and what only the owner may delete of it.
-- Nothing else can be dropped through it: the name must be a workspace's, asked for deletion, its grace over by this
-- database's clock. A table that somebody reads is waited for 5 s; then nothing has happened, and it is tried again.
CREATE OR REPLACE FUNCTION public.automate_drop_v1(p_tenant bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_schema text;
BEGIN
  SELECT schema_name INTO v_schema FROM public.automate_tenants_tenant
   WHERE id = p_tenant AND status = 'deleting' AND delete_at <= now() FOR UPDATE;
  IF NOT FOUND OR v_schema !~ '\At_[a-z2-7]{16}\Z' THEN RETURN false; END IF;
  PERFORM set_config('lock_timeout', '5s', true);
  EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', v_schema);
  DELETE FROM public.automate_tenants_tenantmigration WHERE tenant_id = p_tenant;
  RETURN true;
END $$;
