-- meter_steps: count the steps and items that one statement began, by workflow, in its transaction. A step counts with its
-- first attempt, skipped ones never. What a retry takes over from the run before is inserted before the run has started.
CREATE OR REPLACE FUNCTION public.automate_meter_steps_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format($q$
    INSERT INTO public.automate_billing_usagedelta (schema_name, at, meter, subject, amount)
    SELECT $1, now(), 'steps', r.workflow_id::text, count(*)
      FROM added a JOIN %I.automate_executionrun r ON r.id = a.run_id
     WHERE a.attempt = 1 AND a.status <> 'skipped' AND r.started_at IS NOT NULL
     GROUP BY r.workflow_id $q$, TG_TABLE_SCHEMA) USING TG_TABLE_SCHEMA;
  RETURN NULL;
END $$;
