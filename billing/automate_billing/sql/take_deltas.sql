-- take_deltas: take the oldest deltas away and add them up by workspace, meter, subject and quarter of an hour (no zone's
-- midnight falls between). Those of a workspace that is gone are dropped.
WITH oldest AS (SELECT id FROM public.automate_billing_usagedelta ORDER BY id LIMIT %(limit)s),
     taken AS (DELETE FROM public.automate_billing_usagedelta d USING oldest WHERE d.id = oldest.id
               RETURNING d.schema_name, d.at, d.meter, d.subject, d.amount)
SELECT t.id, t.timezone, k.meter, k.subject, date_bin('15 minutes', k.at, timestamptz '2000-01-01 00:00:00+00'),
       sum(k.amount)::bigint
  FROM taken k JOIN public.automate_tenants_tenant t ON t.schema_name = k.schema_name
 GROUP BY 1, 2, 3, 4, 5
