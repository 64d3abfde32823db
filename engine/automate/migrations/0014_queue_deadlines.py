from django.db import migrations

from automate.migrations._postgres import PostgresSQL

FORWARD = """
-- grant, as in 0013: a run that waits has a job that is due at its deadline; a place makes it due now.
CREATE OR REPLACE FUNCTION automate_grant_places(p_kind text, p_keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE v_key text; v_head record; v_mark bigint; v_open bigint;
BEGIN
  FOREACH v_key IN ARRAY ARRAY(SELECT DISTINCT k FROM unnest(p_keys) k ORDER BY k) LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p_kind, v_key), 0));
    IF p_kind <> 'order' THEN
      WITH used AS (SELECT count(*) AS n FROM automate_queueplace
                     WHERE kind = p_kind AND key = v_key AND granted_at IS NOT NULL),
      cap AS (SELECT cap AS n FROM automate_queueplace
               WHERE kind = p_kind AND key = v_key AND granted_at IS NULL ORDER BY place LIMIT 1),
      turn AS (SELECT id FROM automate_queueplace WHERE kind = p_kind AND key = v_key AND granted_at IS NULL
                ORDER BY place, id LIMIT greatest(0, (SELECT n FROM cap) - (SELECT n FROM used))),
      given AS (UPDATE automate_queueplace p SET granted_at = now() FROM turn WHERE p.id = turn.id RETURNING p.run_id)
      UPDATE automate_outboxjob o SET status = 'PENDING', available_at = now()
        FROM given WHERE o.kind = 'run' AND o.run_id = given.run_id
                     AND (o.status = 'COMPLETED' OR (o.status = 'PENDING' AND o.available_at > now()));
    ELSE
      CONTINUE WHEN EXISTS (SELECT FROM automate_queueplace
                             WHERE kind = 'order' AND key = v_key AND granted_at IS NOT NULL);
      SELECT id, run_id, place INTO v_head FROM automate_queueplace
       WHERE kind = 'order' AND key = v_key ORDER BY place, id LIMIT 1;
      CONTINUE WHEN NOT FOUND;
      -- An earlier event that is still to be matched may become an earlier run of this key: look again in 50 ms.
      SELECT place INTO v_mark FROM automate_queueplace WHERE kind = 'mark';
      SELECT min(id) INTO v_open FROM automate_outboxjob
       WHERE id > coalesce(v_mark, 0) AND id < v_head.place AND kind = 'event' AND status IN ('PENDING', 'CLAIMED');
      IF v_open IS NULL THEN
        UPDATE automate_queueplace SET granted_at = now() WHERE id = v_head.id;
        IF v_mark IS NULL THEN
          INSERT INTO automate_queueplace (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at)
          VALUES ('00000000-0000-0000-0000-000000000000', 'mark', '', '00000000-0000-0000-0000-000000000000',
                  v_head.place - 1, 1, '', now()) ON CONFLICT DO NOTHING;
        ELSIF v_head.place - v_mark > 500 THEN
          UPDATE automate_queueplace SET place = v_head.place - 1
           WHERE id = (SELECT id FROM automate_queueplace WHERE kind = 'mark' FOR UPDATE SKIP LOCKED);
        END IF;
      END IF;
      UPDATE automate_outboxjob
         SET status = 'PENDING', available_at = now() + CASE WHEN v_open IS NULL THEN interval '0' ELSE interval '50 ms' END
       WHERE kind = 'run' AND run_id = v_head.run_id
         AND (status = 'COMPLETED' OR (status = 'PENDING' AND available_at > now() + interval '50 ms'));
    END IF;
  END LOOP;
END $$;

-- leave, as in 0013: a run that is parked behind a held one waits for a person, and has no deadline any more.
CREATE OR REPLACE FUNCTION automate_leave_queue() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE p record;
BEGIN
  FOR p IN SELECT id, kind, key, on_stuck, granted_at FROM automate_queueplace WHERE run_id = NEW.id ORDER BY kind, key LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p.kind, p.key), 0));
    CONTINUE WHEN NEW.status = 'waiting' AND (p.kind NOT IN ('all', 'flow') OR p.granted_at IS NULL);
    IF NEW.status <> 'held' OR p.kind IN ('all', 'flow', 'slot') OR p.on_stuck = 'skip' THEN
      DELETE FROM automate_queueplace WHERE id = p.id;
      PERFORM automate_grant_places(p.kind, ARRAY[p.key]) WHERE p.kind <> 'halt';
    ELSIF p.kind = 'order' AND p.on_stuck = 'park' THEN
      WITH behind AS (DELETE FROM automate_queueplace
                       WHERE kind = 'order' AND key = p.key AND granted_at IS NULL RETURNING run_id),
      parked AS (
      UPDATE automate_executionrun r SET status = 'held', error = jsonb_build_object(
             'code', 'order_parked', 'message', 'A run before this one, of the same key, is held.',
             'details', jsonb_build_object('behind', NEW.id))
        FROM behind WHERE r.id = behind.run_id AND r.status = 'queued' RETURNING r.id)
      UPDATE automate_outboxjob o SET status = 'COMPLETED'
        FROM parked WHERE o.kind = 'run' AND o.run_id = parked.id AND o.status = 'PENDING';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""

BACKWARD = """
CREATE OR REPLACE FUNCTION automate_grant_places(p_kind text, p_keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE v_key text; v_head record; v_mark bigint; v_open bigint;
BEGIN
  FOREACH v_key IN ARRAY ARRAY(SELECT DISTINCT k FROM unnest(p_keys) k ORDER BY k) LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p_kind, v_key), 0));
    IF p_kind <> 'order' THEN
      WITH used AS (SELECT count(*) AS n FROM automate_queueplace
                     WHERE kind = p_kind AND key = v_key AND granted_at IS NOT NULL),
      cap AS (SELECT cap AS n FROM automate_queueplace
               WHERE kind = p_kind AND key = v_key AND granted_at IS NULL ORDER BY place LIMIT 1),
      turn AS (SELECT id FROM automate_queueplace WHERE kind = p_kind AND key = v_key AND granted_at IS NULL
                ORDER BY place, id LIMIT greatest(0, (SELECT n FROM cap) - (SELECT n FROM used))),
      given AS (UPDATE automate_queueplace p SET granted_at = now() FROM turn WHERE p.id = turn.id RETURNING p.run_id)
      UPDATE automate_outboxjob o SET status = 'PENDING', available_at = now()
        FROM given WHERE o.kind = 'run' AND o.run_id = given.run_id AND o.status = 'COMPLETED';
    ELSE
      CONTINUE WHEN EXISTS (SELECT FROM automate_queueplace
                             WHERE kind = 'order' AND key = v_key AND granted_at IS NOT NULL);
      SELECT id, run_id, place INTO v_head FROM automate_queueplace
       WHERE kind = 'order' AND key = v_key ORDER BY place, id LIMIT 1;
      CONTINUE WHEN NOT FOUND;
      -- An earlier event that is still to be matched may become an earlier run of this key: look again in 50 ms.
      SELECT place INTO v_mark FROM automate_queueplace WHERE kind = 'mark';
      SELECT min(id) INTO v_open FROM automate_outboxjob
       WHERE id > coalesce(v_mark, 0) AND id < v_head.place AND kind = 'event' AND status IN ('PENDING', 'CLAIMED');
      IF v_open IS NULL THEN
        UPDATE automate_queueplace SET granted_at = now() WHERE id = v_head.id;
        IF v_mark IS NULL THEN
          INSERT INTO automate_queueplace (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at)
          VALUES ('00000000-0000-0000-0000-000000000000', 'mark', '', '00000000-0000-0000-0000-000000000000',
                  v_head.place - 1, 1, '', now()) ON CONFLICT DO NOTHING;
        ELSIF v_head.place - v_mark > 500 THEN
          UPDATE automate_queueplace SET place = v_head.place - 1
           WHERE id = (SELECT id FROM automate_queueplace WHERE kind = 'mark' FOR UPDATE SKIP LOCKED);
        END IF;
      END IF;
      UPDATE automate_outboxjob
         SET status = 'PENDING', available_at = now() + CASE WHEN v_open IS NULL THEN interval '0' ELSE interval '50 ms' END
       WHERE kind = 'run' AND run_id = v_head.run_id AND status = 'COMPLETED';
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION automate_leave_queue() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE p record;
BEGIN
  FOR p IN SELECT id, kind, key, on_stuck, granted_at FROM automate_queueplace WHERE run_id = NEW.id ORDER BY kind, key LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p.kind, p.key), 0));
    CONTINUE WHEN NEW.status = 'waiting' AND (p.kind NOT IN ('all', 'flow') OR p.granted_at IS NULL);
    IF NEW.status <> 'held' OR p.kind IN ('all', 'flow', 'slot') OR p.on_stuck = 'skip' THEN
      DELETE FROM automate_queueplace WHERE id = p.id;
      PERFORM automate_grant_places(p.kind, ARRAY[p.key]) WHERE p.kind <> 'halt';
    ELSIF p.kind = 'order' AND p.on_stuck = 'park' THEN
      WITH behind AS (DELETE FROM automate_queueplace
                       WHERE kind = 'order' AND key = p.key AND granted_at IS NULL RETURNING run_id)
      UPDATE automate_executionrun r SET status = 'held', error = jsonb_build_object(
             'code', 'order_parked', 'message', 'A run before this one, of the same key, is held.',
             'details', jsonb_build_object('behind', NEW.id))
        FROM behind WHERE r.id = behind.run_id AND r.status = 'queued';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    """Let the deadline of a run end it while it waits in a queue: its job is pending until then."""

    dependencies = [("automate", "0013_policy_places")]
    operations = [PostgresSQL(FORWARD, BACKWARD)]
