-- find_key: the API key with this hash, unless it is revoked or has expired. At most one row.
SELECT k.id, k.tenant_id, k.scopes::text AS scopes, k.expires_at
  FROM public.automate_tenants_apikey k
 WHERE k.hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
