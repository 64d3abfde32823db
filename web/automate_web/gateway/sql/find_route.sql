-- find_route: the endpoint behind a token's hash, and the state of its workspace. At most one row.
SELECT r.tenant_id, r.schema_name, r.endpoint_id, r.source, r.auth, r.auth_options::text AS auth_options, r.signing_secret, r.event_type, r.type_path, r.dedupe_path,
       t.status = 'active' AS is_tenant_active, coalesce(t.masks_emails, false) AS masks_emails
  FROM public.automate_tenants_webhookroute r JOIN public.automate_tenants_tenant t ON t.id = r.tenant_id
 WHERE r.token_hash = $1;
