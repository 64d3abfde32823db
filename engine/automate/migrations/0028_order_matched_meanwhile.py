from django.db import migrations

from automate.migrations._postgres import PostgresSQL

FORWARD = """
-- grant, as in 0014; the head of an order is looked at once more after the question for earlier events.
CREATE OR REPLACE FUNCTION automate_grant_places(p_kind text, p_keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE v_key text; v_head record; v_now record; v_mark bigint; v_open bigint;
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
      LOOP
        -- An earlier event that is still to be matched may become an earlier run of this key: look again in 50 ms.
        SELECT place INTO v_mark FROM automate_queueplace WHERE kind = 'mark';
        SELECT min(id) INTO v_open FROM automate_outboxjob
         WHERE id > coalesce(v_mark, 0) AND id < v_head.place AND kind = 'event' AND status IN ('PENDING', 'CLAIMED');
        -- One that was matched between these two questions is open no more, and its run is the head now.
        SELECT id, run_id, place INTO v_now FROM automate_queueplace
         WHERE kind = 'order' AND key = v_key ORDER BY place, id LIMIT 1;
        EXIT WHEN NOT FOUND OR v_now.id = v_head.id;
        v_head := v_now;
      END LOOP;
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
"""


class Migration(migrations.Migration):
    """An event that was matched by another worker between two statements of `grant` was overtaken by a later one."""

    dependencies = [("automate", "0027_imported_api")]
    operations = [PostgresSQL(FORWARD, BACKWARD)]
