-- meter_runs: count the runs that one statement began, by workflow, in its transaction. An upsert that only changes a run
-- adds nothing: changed rows are not in `added`.
CREATE OR REPLACE FUNCTION public.automate_meter_runs_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
  SELECT TG_TABLE_SCHEMA, now(), 'runs', workflow_id::text, count(*) FROM added GROUP BY workflow_id;
  RETURN NULL;
END $$;
