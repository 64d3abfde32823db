-- add_usage: add sums to their days, in one order for everybody.
INSERT INTO public.automate_billing_usageday AS d (tenant_id, day, meter, subject, amount)
SELECT u.tenant_id, u.day, u.meter, u.subject, u.amount
  FROM unnest(%(tenant_ids)s::bigint[], %(days)s::date[], %(meters)s::text[], %(subjects)s::text[], %(amounts)s::bigint[])
    AS u (tenant_id, day, meter, subject, amount)
 ORDER BY 1, 2, 3, 4
ON CONFLICT (tenant_id, day, meter, subject) DO UPDATE SET amount = d.amount + excluded.amount
