-- count_used: what a workspace has used since a day, folded or not, by meter; and as 'room' its plan_room. One statement, so
-- one snapshot: an event that is counted in one of them has been taken off the other.
SELECT meter, sum(amount)::bigint
  FROM (SELECT meter, amount FROM public.automate_billing_usageday WHERE tenant_id = %(tenant_id)s AND day >= %(since)s
        UNION ALL
        SELECT meter, amount FROM public.automate_billing_usagedelta
         WHERE schema_name = %(schema)s AND at >= %(since_at)s) u
 WHERE meter = ANY (%(meters)s) GROUP BY meter
 UNION ALL
SELECT 'room', plan_room FROM public.automate_tenants_tenant WHERE id = %(tenant_id)s
