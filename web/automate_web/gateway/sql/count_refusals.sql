-- count_refusals: add to the counters of (tenant, endpoint, code, minute). Rows come sorted: two gateways lock in one order.
INSERT INTO public.automate_tenants_refusalcount AS c (tenant_id, endpoint_id, code, minute, count)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[])
ON CONFLICT (tenant_id, endpoint_id, code, minute) DO UPDATE SET count = c.count + excluded.count;
