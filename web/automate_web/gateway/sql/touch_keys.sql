-- touch_keys: note that these API keys were used in this minute, and from where.
UPDATE public.automate_tenants_apikey k SET latest_used_at = date_trunc('minute', now()), latest_used_ip = u.ip::inet
  FROM unnest($1::bigint[], $2::text[]) u(id, ip)
 WHERE k.id = u.id AND (k.latest_used_at IS NULL OR k.latest_used_at < date_trunc('minute', now()));
