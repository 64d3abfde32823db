-- keep_refusals: add samples of refused requests.
INSERT INTO public.automate_tenants_refusalsample
       (tenant_id, endpoint_id, code, message, details, trace_id, ip, received_at, headers, body)
SELECT tenant_id, endpoint_id, code, message, details::jsonb, trace_id, ip::inet, received_at, headers::jsonb, body
  FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[], $9::text[],
              $10::text[])
       u(tenant_id, endpoint_id, code, message, details, trace_id, ip, received_at, headers, body);
