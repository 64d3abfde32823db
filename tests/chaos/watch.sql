-- Watches a workspace's tables from inside: what must never be done to a row is noted in the transaction that does it.
CREATE SCHEMA chaos;
CREATE TABLE chaos.wrong (what text, old text, new text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE chaos.recorded (run_id uuid, step_id text, item int, at timestamptz DEFAULT clock_timestamp());

CREATE FUNCTION chaos.watch_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE v_what text; v_has_ended boolean := OLD.kind = 'event';
BEGIN
  IF OLD.status IN ('COMPLETED', 'DEAD') AND OLD.run_id IS NOT NULL THEN  -- of a run that goes on, it may be due again
    EXECUTE format('SELECT status IN (''succeeded'', ''failed'', ''cancelled'') FROM %I.automate_executionrun WHERE id = $1',
                   TG_TABLE_SCHEMA) INTO v_has_ended USING OLD.run_id;
  END IF;
  v_what := CASE
    WHEN OLD.status = 'CLAIMED' AND NEW.status = 'CLAIMED' AND NEW.lease_id <> OLD.lease_id THEN 'claimed twice'
    WHEN OLD.status IN ('COMPLETED', 'DEAD') AND v_has_ended THEN 'a job changed after its end'
    -- whoever holds it gives it back with fewer attempts: this is a reaper
    WHEN OLD.status = 'CLAIMED' AND NEW.status IN ('PENDING', 'DEAD') AND NEW.attempts >= OLD.attempts AND EXISTS (
      SELECT FROM public.automate_tenants_dispatchlease l WHERE l.lease_id = OLD.lease_id AND l.lease_until >= now()
    ) THEN 'reaped before its time'
  END;
  IF v_what IS NOT NULL THEN INSERT INTO chaos.wrong VALUES (v_what, OLD::text, NEW::text); END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION chaos.watch_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF OLD.status IN ('succeeded', 'failed', 'cancelled') AND OLD IS DISTINCT FROM NEW THEN
    INSERT INTO chaos.wrong VALUES ('a run changed after its end', OLD::text, NEW::text);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION chaos.watch_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.status IN ('succeeded', 'failed', 'skipped', 'cancelled') AND OLD IS DISTINCT FROM NEW THEN
    INSERT INTO chaos.wrong VALUES ('a recorded result changed', OLD::text, NEW::text);
  END IF;
  IF NEW.status = 'succeeded' AND (TG_OP = 'INSERT' OR OLD.status <> 'succeeded') THEN
    INSERT INTO chaos.recorded VALUES (NEW.run_id, NEW.step_id, NEW.item);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION chaos.watch_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO chaos.wrong VALUES ('an event, run or attempt was removed', OLD::text, NULL);
  RETURN NULL;
END $$;

CREATE TRIGGER chaos_watch AFTER UPDATE ON {schema}.automate_outboxjob FOR EACH ROW EXECUTE FUNCTION chaos.watch_job();
CREATE TRIGGER chaos_watch AFTER UPDATE ON {schema}.automate_executionrun FOR EACH ROW EXECUTE FUNCTION chaos.watch_run();
CREATE TRIGGER chaos_watch AFTER INSERT OR UPDATE ON {schema}.automate_steprun FOR EACH ROW EXECUTE FUNCTION chaos.watch_step();
CREATE TRIGGER chaos_kept AFTER DELETE ON {schema}.automate_event FOR EACH ROW EXECUTE FUNCTION chaos.watch_event();
CREATE TRIGGER chaos_kept AFTER DELETE ON {schema}.automate_executionrun FOR EACH ROW EXECUTE FUNCTION chaos.watch_event();
CREATE TRIGGER chaos_kept AFTER DELETE ON {schema}.automate_steprun FOR EACH ROW EXECUTE FUNCTION chaos.watch_event();
