-- meter_llm_change: by how much a settlement changed what calls of models have cost, on the day of the call.
CREATE OR REPLACE FUNCTION public.automate_meter_llm_change_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
  SELECT TG_TABLE_SCHEMA, a.at, 'llm', coalesce(a.workflow_id::text, ''), a.cost_micros - b.cost_micros
    FROM added a JOIN before b ON b.id = a.id WHERE a.cost_micros <> b.cost_micros;
  RETURN NULL;
END $$;
