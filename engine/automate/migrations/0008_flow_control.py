from django.db import migrations, models

import automate.ids
from automate.migrations._postgres import PostgresSQL

FORWARD = """
-- Places in queues. Both functions take the queue's lock (an advisory one, to the end of the transaction), so that a place
-- is freed, granted and asked for one after the other; they run in the schema they were made in, whoever calls.

-- grant: give the free places of these keys to whoever waits longest, and wake those runs.
CREATE FUNCTION automate_grant_places(p_kind text, p_keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE v_key text; v_head record; v_mark bigint; v_open bigint;
BEGIN
  FOREACH v_key IN ARRAY ARRAY(SELECT DISTINCT k FROM unnest(p_keys) k ORDER BY k) LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p_kind, v_key), 0));
    IF p_kind = 'slot' THEN
      WITH used AS (SELECT count(*) AS n FROM automate_queueplace
                     WHERE kind = 'slot' AND key = v_key AND granted_at IS NOT NULL),
      cap AS (SELECT cap AS n FROM automate_queueplace
               WHERE kind = 'slot' AND key = v_key AND granted_at IS NULL ORDER BY place LIMIT 1),
      turn AS (SELECT id FROM automate_queueplace WHERE kind = 'slot' AND key = v_key AND granted_at IS NULL
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

-- enter: ask for places, all of one kind; arrays of equal length. Verdicts: granted · wait · soon (the head, but an earlier
-- event is still to be matched) · parked (the head is held and the key is to stop there; the place is not kept).
CREATE FUNCTION automate_enter_queue(p_kind text, p_runs uuid[], p_keys text[], p_workflows uuid[], p_places bigint[],
                                     p_caps int[], p_on_stuck text[])
RETURNS TABLE (asked_run uuid, verdict text) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO automate_queueplace (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at, trace_id)
  SELECT u.run, p_kind, u.key, u.workflow, u.place, u.cap, u.on_stuck, now(), r.trace_id
    FROM unnest(p_runs, p_keys, p_workflows, p_places, p_caps, p_on_stuck) u (run, key, workflow, place, cap, on_stuck)
    LEFT JOIN automate_executionrun r ON r.id = u.run
   ORDER BY u.key, u.place
  ON CONFLICT (run_id, kind) DO NOTHING;
  UPDATE automate_executionrun r SET concurrency_key = u.key
    FROM unnest(p_runs, p_keys) u (run, key) WHERE r.id = u.run AND r.concurrency_key = '';
  PERFORM automate_grant_places(p_kind, p_keys);
  RETURN QUERY
  WITH parked AS (
    DELETE FROM automate_queueplace p
     USING automate_queueplace head JOIN automate_executionrun r ON r.id = head.run_id
     WHERE p_kind = 'order' AND p.kind = 'order' AND p.run_id = ANY (p_runs) AND p.granted_at IS NULL
       AND head.kind = 'order' AND head.key = p.key AND head.granted_at IS NOT NULL
       AND head.on_stuck = 'park' AND r.status = 'held'
    RETURNING p.run_id)
  SELECT p.run_id,
         CASE WHEN p.granted_at IS NOT NULL THEN 'granted'
              WHEN p.run_id IN (SELECT run_id FROM parked) THEN 'parked'
              WHEN p.kind = 'order' AND NOT EXISTS (
                SELECT FROM automate_queueplace o WHERE o.kind = 'order' AND o.key = p.key AND o.id <> p.id
                   AND (o.granted_at IS NOT NULL OR (o.place, o.id) < (p.place, p.id))) THEN 'soon'
              ELSE 'wait' END
    FROM automate_queueplace p WHERE p.kind = p_kind AND p.run_id = ANY (p_runs);
END $$;

-- leave: a run that has ended, or is held for a person, gives its places up, in the same transaction. A held run keeps its
-- place in an order, unless that is to be skipped; where the key is to stop there, those behind it are held as well.
CREATE FUNCTION automate_leave_queue() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE p record;
BEGIN
  FOR p IN SELECT id, kind, key, on_stuck FROM automate_queueplace WHERE run_id = NEW.id ORDER BY kind, key LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), p.kind, p.key), 0));
    IF NEW.status <> 'held' OR p.kind = 'slot' OR p.on_stuck = 'skip' THEN
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
CREATE TRIGGER executionrun_leaves_queue AFTER UPDATE OF status ON automate_executionrun FOR EACH ROW
  WHEN (NEW.concurrency_key <> '' AND NEW.status IN ('succeeded', 'failed', 'cancelled', 'held'))
  EXECUTE FUNCTION automate_leave_queue();
"""

BACKWARD = """
DROP TRIGGER executionrun_leaves_queue ON automate_executionrun;
DROP FUNCTION automate_leave_queue();
DROP FUNCTION automate_enter_queue(text, uuid[], text[], uuid[], bigint[], int[], text[]);
DROP FUNCTION automate_grant_places(text, text[]);
"""
DECISIONS = [("started", "Started"), ("no_match", "No Match"), ("held", "Held"), ("skipped", "Skipped")]


class Migration(migrations.Migration):
    """Let runs wait for one another, events gather for one run, and workflows be halted."""

    dependencies = [("automate", "0007_policy")]
    operations = [
        migrations.CreateModel(
            name="Halt",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("halted_at", models.DateTimeField()),
                ("halted_by", models.CharField(max_length=200)),
                ("reason", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.AlterField("matchdecision", "decision", models.CharField(choices=DECISIONS, max_length=8)),
        migrations.CreateModel(
            name="BufferedEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("buffer_id", models.UUIDField()),
                ("event_id", models.UUIDField()),
                ("trace_id", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["event_id"], name="buffered_event_idx")],
                "constraints": [models.UniqueConstraint(fields=("buffer_id", "event_id"), name="buffered_event_once")],
            },
        ),
        migrations.CreateModel(
            name="EventBuffer",
            fields=[
                (
                    "id",
                    models.UUIDField(default=automate.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("workflow_id", models.UUIDField()),
                ("version_id", models.UUIDField()),
                ("key", models.CharField(max_length=200)),
                ("kind", models.CharField(choices=[("debounce", "Debounce"), ("batch", "Batch")], max_length=8)),
                ("count", models.PositiveIntegerField()),
                ("size", models.PositiveIntegerField(null=True)),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("until_at", models.DateTimeField(null=True)),
                ("tick_job_id", models.BigIntegerField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tick_job_id"], name="event_buffer_tick_idx")],
                "constraints": [models.UniqueConstraint(fields=("workflow_id", "key"), name="event_buffer_once")],
            },
        ),
        migrations.CreateModel(
            name="QueuePlace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run_id", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("slot", "Slot"), ("order", "Order"), ("halt", "Halt"), ("mark", "Mark")], max_length=5
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("workflow_id", models.UUIDField()),
                ("place", models.BigIntegerField()),
                ("cap", models.PositiveIntegerField(default=1)),
                ("on_stuck", models.CharField(blank=True, default="", max_length=4)),
                ("asked_at", models.DateTimeField()),
                ("granted_at", models.DateTimeField(null=True)),
                ("trace_id", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "key", "place"], name="queue_key_idx")],
                "constraints": [models.UniqueConstraint(fields=("run_id", "kind"), name="queue_place_once")],
            },
        ),
        PostgresSQL(FORWARD, BACKWARD),
    ]
