-- touch_keys: note that these API keys were used in this minute.
UPDATE public.automate_tenants_apikey SET latest_used_at = date_trunc('minute', now())
 WHERE id = ANY ($1::bigint[]) AND (latest_used_at IS NULL OR latest_used_at < date_trunc('minute', now()));
