-- sum_up_usage: usage by workflow and source becomes one sum a day and meter, of days before %(before)s or of one
-- workspace; %(limit)s rows at most (null: all). How many rows went.
WITH chosen AS (SELECT id FROM public.automate_billing_usageday
                 WHERE subject <> '' AND (day < %(before)s::date OR tenant_id = %(tenant_id)s::bigint)
                 ORDER BY id LIMIT %(limit)s::bigint),
     taken AS (DELETE FROM public.automate_billing_usageday d USING chosen WHERE d.id = chosen.id
               RETURNING d.tenant_id, d.day, d.meter, d.amount),
     summed AS (INSERT INTO public.automate_billing_usageday AS d (tenant_id, day, meter, subject, amount)
                SELECT tenant_id, day, meter, '', sum(amount) FROM taken GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
                ON CONFLICT (tenant_id, day, meter, subject) DO UPDATE SET amount = d.amount + excluded.amount)
SELECT count(*) FROM taken
