-- trim_requests: of these endpoints keep the newest $3 samples each.
DELETE FROM public.automate_tenants_requestsample s
 USING unnest($1::bigint[], $2::uuid[]) u(tenant_id, endpoint_id)
 WHERE s.tenant_id = u.tenant_id AND s.endpoint_id = u.endpoint_id
   AND s.id <= (SELECT o.id FROM public.automate_tenants_requestsample o
                 WHERE o.tenant_id = u.tenant_id AND o.endpoint_id = u.endpoint_id
                 ORDER BY o.id DESC OFFSET $3 LIMIT 1);
