-- count_requests: add to the counters of (tenant, endpoint, five minutes). Rows come sorted: two gateways lock in one order.
INSERT INTO public.automate_tenants_requestcount AS c (tenant_id, endpoint_id, since, accepted, duplicates, latest_at)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::timestamptz[])
ON CONFLICT (tenant_id, endpoint_id, since) DO UPDATE
   SET accepted = c.accepted + excluded.accepted, duplicates = c.duplicates + excluded.duplicates,
       latest_at = greatest(c.latest_at, excluded.latest_at);
