-- meter_events: count the events that one statement stored, by where they came from, in its transaction.
CREATE OR REPLACE FUNCTION public.automate_meter_events_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
  SELECT TG_TABLE_SCHEMA, now(), 'events', source, count(*) FROM added GROUP BY source;
  RETURN NULL;
END $$;
