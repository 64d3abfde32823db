-- keep_requests: add samples of requests that were answered well and made no event.
INSERT INTO public.automate_tenants_requestsample
       (tenant_id, endpoint_id, verdict, event_id, body_differs, trace_id, ip, headers, received_at)
SELECT tenant_id, endpoint_id, verdict, event_id, body_differs, trace_id, ip::inet, headers::jsonb, received_at
  FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::bool[], $6::uuid[], $7::text[], $8::text[], $9::timestamptz[])
       u(tenant_id, endpoint_id, verdict, event_id, body_differs, trace_id, ip, headers, received_at);
