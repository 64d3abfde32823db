-- meter_llm: what the calls of models that one statement wrote down have cost, in micro-dollars, on the day of the call.
-- Nearly always nothing yet: money is reserved first, and its cost comes with a change of the row.
CREATE OR REPLACE FUNCTION public.automate_meter_llm_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
  SELECT TG_TABLE_SCHEMA, at, 'llm', coalesce(workflow_id::text, ''), cost_micros FROM added WHERE cost_micros <> 0;
  RETURN NULL;
END $$;
