-- accept: store a flush of events with their outbox jobs and dedupe keys, of any number of tenants, in this one transaction.
-- The arrays are parallel, one element per event, sorted by (tenant, dedupe id); ids and hashes without a dedupe key are null;
-- no (tenant, dedupe id) comes twice: the caller folds those and says in p_folded how many more it had.
-- Returns one row 'stored' whose ord is the number of events stored, and one row for each event NOT stored (ord from 1): a
-- 'repeat' with the first event's ids and the hash of its body, or the status of a tenant that takes none. Ring after commit.
-- Events of a paused endpoint, and those beyond the tenant's hold_after, are held: their job is due in the year 9999. What was
-- read to decide it stays locked until the commit, so that letting go (`holding.py`) comes before or after, never between.
-- Events beyond the tenant's plan_room (null: plenty) are held too, till the year 9998: they wait for the plan, are no use of it
-- until they run, and take no room. Near a plan's limit the tenant's row is locked and counted down, so the limit is exact.
-- Beside those, for an event that a rate did not let in whole, a row 'limited': how many of its requests (1 + folded) are
-- refused, and when to come back. An event all of whose requests are refused is not stored; a held one is, and its job is
-- due when its turn comes. Of a workspace with a rate, `received_at` is the moment of admission, by this server's clock.
-- A lock not had within 50 ms is an error: the caller commits each tenant alone, so that one held row delays one tenant.
CREATE OR REPLACE FUNCTION public.automate_accept_v4(
  p_tenants bigint[], p_events uuid[], p_traces uuid[], p_types text[], p_sources text[], p_payloads text[], p_headers text[],
  p_received timestamptz[], p_dedupe_ids uuid[], p_dedupe_sources text[], p_dedupe_keys text[], p_hashes bytea[], p_folded int[], p_endpoints uuid[])
RETURNS TABLE(ord int, verdict text, event_id uuid, trace_id uuid, body_hash bytea, refused int, retry_ms bigint, rate_limit int,
              rate_layer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
#variable_conflict use_column
DECLARE
  v_count int := coalesce(cardinality(p_tenants), 0);
  v_stored int := 0;
  v_low int := 1;
  v_high int;
  v_rows bigint;
  v_schema text;
  v_status text;
  v_hold_after int;
  v_room bigint;  -- events that may still be processed at once; null: any number
  v_plan_room bigint;  -- events that the plan still includes; null: plenty
  v_paused text[];
  v_tries int;
  v_events uuid[];
  v_pending uuid[];  -- events with a dedupe key whose fate is open
  v_won uuid[];
  v_repeats uuid[];
  v_repeat record;
  v_rate record;  -- of a workspace that has one
  v_received timestamptz[];
  v_slots timestamptz[];
  v_has_rate boolean;
BEGIN
  WHILE v_low <= v_count LOOP
    v_high := v_low;
    WHILE v_high < v_count AND p_tenants[v_high + 1] = p_tenants[v_low] LOOP v_high := v_high + 1; END LOOP;
    SELECT t.schema_name, t.status, t.hold_after, t.plan_room, EXISTS (SELECT FROM public.automate_tenants_webhooklimit l WHERE l.tenant_id = t.id)
      INTO v_schema, v_status, v_hold_after, v_plan_room, v_has_rate FROM public.automate_tenants_tenant t WHERE t.id = p_tenants[v_low];
    IF v_schema IS NULL OR v_status <> 'active' THEN
      RETURN QUERY SELECT i, coalesce(v_status, 'gone'), NULL::uuid, NULL::uuid, NULL::bytea, NULL::int,
        NULL::bigint, NULL::int, NULL::text FROM generate_series(v_low, v_high) i;
      v_low := v_high + 1;
      CONTINUE;
    END IF;

    SELECT array_agg(p.source) INTO v_paused FROM (
      SELECT r.source FROM public.automate_tenants_webhookroute r
       WHERE r.tenant_id = p_tenants[v_low] AND NOT r.is_active FOR SHARE) p;
    v_room := NULL;
    IF v_hold_after IS NOT NULL THEN
      SELECT t.hold_after INTO v_hold_after FROM public.automate_tenants_tenant t WHERE t.id = p_tenants[v_low] FOR SHARE;
      IF v_hold_after IS NOT NULL THEN
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.automate_event LIMIT $1) e', v_schema) INTO v_room USING v_hold_after;
        v_room := v_hold_after - v_room;
      END IF;
    END IF;

    IF v_plan_room IS NOT NULL THEN
      SELECT t.plan_room INTO v_plan_room FROM public.automate_tenants_tenant t WHERE t.id = p_tenants[v_low] FOR NO KEY UPDATE;
    END IF;

    v_events := p_events[v_low:v_high];
    v_received := p_received[v_low:v_high];
    v_slots := NULL;
    v_repeats := '{}';
    v_tries := 0;
    IF v_has_rate THEN
      SELECT * INTO v_rate FROM public.automate_internal_admit_v1(p_tenants[v_low], v_schema, p_endpoints[v_low:v_high],
        (SELECT array_agg(f + 1 ORDER BY o) FROM unnest(p_folded[v_low:v_high]) WITH ORDINALITY u(f, o)));
      v_slots := v_rate.v_slots;
      v_received := array_fill(v_rate.v_now, ARRAY[v_high - v_low + 1]);
      RETURN QUERY SELECT v_low - 1 + i, 'limited'::text, NULL::uuid, NULL::uuid, NULL::bytea,
               p_folded[v_low - 1 + i] + 1 - v_rate.v_admitted[i], v_rate.v_retry_ms[i], v_rate.v_limits[i], v_rate.v_layers[i]
          FROM generate_series(1, v_high - v_low + 1) i WHERE v_rate.v_limits[i] IS NOT NULL;
      SELECT coalesce(array_agg(v_events[i]), '{}') INTO v_repeats
        FROM generate_series(1, v_high - v_low + 1) i WHERE v_rate.v_admitted[i] = 0;
    END IF;
    SELECT array_agg(u.event) INTO v_pending
      FROM unnest(v_events, p_dedupe_ids[v_low:v_high]) u(event, dedupe)
     WHERE u.dedupe IS NOT NULL AND u.event <> ALL (v_repeats);
    WHILE v_pending IS NOT NULL LOOP
      v_tries := v_tries + 1;
      IF v_tries > 3 THEN RAISE EXCEPTION 'dedupe rows vanish while being read' USING ERRCODE = 'serialization_failure'; END IF;
      EXECUTE format($q$
        WITH won AS (
          INSERT INTO %1$I.automate_dedupe (id, source, key, event_id, body_hash, repeats, expires_at, trace_id)
          SELECT u.id, u.source, u.key, u.event, u.hash, u.folded, now() + interval '7 days', u.trace
            FROM unnest($1, $2, $3, $4, $5, $6, $8) u(id, source, key, event, hash, folded, trace)
           WHERE u.event = ANY ($7) ORDER BY u.id
          ON CONFLICT (id) DO NOTHING RETURNING event_id)
        SELECT coalesce(array_agg(event_id), '{}') FROM won $q$, v_schema)
        INTO v_won
        USING p_dedupe_ids[v_low:v_high], p_dedupe_sources[v_low:v_high], p_dedupe_keys[v_low:v_high], v_events,
              p_hashes[v_low:v_high], p_folded[v_low:v_high], v_pending, p_traces[v_low:v_high];
      SELECT array_agg(e) INTO v_pending FROM unnest(v_pending) e WHERE e <> ALL (v_won);
      EXIT WHEN v_pending IS NULL;

      -- The second statement has its own snapshot: it sees the row that the first one met. An expired key may be taken over
      -- once nothing of its event is unfinished.
      FOR v_repeat IN EXECUTE format($q$
        WITH held AS MATERIALIZED (
          SELECT d.id, u.event, u.trace, u.hash, u.folded, u.ord,
                 d.expires_at <= now()
                   AND NOT EXISTS (SELECT FROM %1$I.automate_executionrun r WHERE r.event_id = d.event_id
                                    AND r.status NOT IN ('succeeded', 'failed', 'cancelled'))
                   AND NOT EXISTS (SELECT FROM %1$I.automate_outboxjob o WHERE o.event_id = d.event_id AND o.kind = 'event'
                                    AND o.status IN ('PENDING', 'CLAIMED')) AS is_free
            FROM unnest($1, $2, $3, $4, $6) WITH ORDINALITY u(id, event, hash, folded, trace, ord)
            JOIN %1$I.automate_dedupe d ON d.id = u.id
           WHERE u.event = ANY ($5) ORDER BY d.id FOR NO KEY UPDATE OF d),
        kept AS (
          UPDATE %1$I.automate_dedupe d
             SET event_id = CASE WHEN h.is_free THEN h.event ELSE d.event_id END,
                 trace_id = CASE WHEN h.is_free THEN h.trace ELSE d.trace_id END,
                 body_hash = CASE WHEN h.is_free THEN h.hash ELSE d.body_hash END,
                 repeats = CASE WHEN h.is_free THEN h.folded ELSE d.repeats + 1 + h.folded END,
                 expires_at = CASE WHEN h.is_free THEN now() + interval '7 days' ELSE d.expires_at END
            FROM held h WHERE d.id = h.id
          RETURNING h.ord, h.event AS new_event, h.is_free, d.event_id, d.body_hash)
        SELECT k.ord::int AS ord, k.new_event, k.is_free, k.event_id, k.body_hash, e.trace_id
          FROM kept k LEFT JOIN %1$I.automate_event e ON e.id = k.event_id $q$, v_schema)
        USING p_dedupe_ids[v_low:v_high], v_events, p_hashes[v_low:v_high], p_folded[v_low:v_high], v_pending, p_traces[v_low:v_high]
      LOOP
        v_pending := array_remove(v_pending, v_repeat.new_event);
        IF NOT v_repeat.is_free THEN
          v_repeats := v_repeats || v_repeat.new_event;
          RETURN QUERY SELECT v_low - 1 + v_repeat.ord, 'repeat'::text, v_repeat.event_id, v_repeat.trace_id, v_repeat.body_hash,
            NULL::int, NULL::bigint, NULL::int, NULL::text;
        END IF;
      END LOOP;
      v_pending := nullif(v_pending, '{}');  -- retention deleted those rows between the two statements: try again
    END LOOP;

    EXECUTE format($q$
      WITH stored AS (
        INSERT INTO %1$I.automate_event (id, type, payload, source, headers, trace_id, received_at)
        SELECT u.id, u.type, u.payload::jsonb, u.source, u.headers::jsonb, u.trace, u.received
          FROM unnest($1, $2, $3, $4, $5, $6, $7) u(id, type, payload, source, headers, trace, received)
         WHERE u.id <> ALL ($8)
        RETURNING id, trace_id, source)
      INSERT INTO %1$I.automate_outboxjob (kind, event_id, status, available_at, attempts, trace_id)
      SELECT 'event', id, 'PENDING', %2$s, 0, trace_id FROM stored $q$, v_schema,
      CASE WHEN v_paused IS NULL AND v_room IS NULL AND v_plan_room IS NULL THEN 'now()'  -- nearly always: nothing is sorted
           ELSE $d$CASE WHEN row_number() OVER (ORDER BY id) > $11 THEN timestamptz '9998-01-01 00:00:00+00'
                        WHEN source = ANY ($9) OR row_number() OVER (ORDER BY id) > $10
                        THEN timestamptz '9999-01-01 00:00:00+00' ELSE now() END$d$ END)
      USING v_events, p_types[v_low:v_high], p_payloads[v_low:v_high], p_sources[v_low:v_high], p_headers[v_low:v_high],
            p_traces[v_low:v_high], v_received, v_repeats, v_paused, v_room, v_plan_room;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows <> v_high - v_low + 1 - cardinality(v_repeats) THEN
      RAISE EXCEPTION 'stored % of % events', v_rows, v_high - v_low + 1 - cardinality(v_repeats);
    END IF;
    IF v_plan_room > 0 THEN
      UPDATE public.automate_tenants_tenant t SET plan_room = v_plan_room - least(v_rows, v_plan_room) WHERE t.id = p_tenants[v_low];
    END IF;
    IF v_rows > v_plan_room THEN
      PERFORM public.automate_internal_note_held_v1(v_schema, v_events);
    END IF;
    IF v_has_rate AND EXISTS (SELECT FROM unnest(v_slots) s WHERE s IS NOT NULL) THEN  -- over it, and held until their turn
      EXECUTE format($q$
        WITH held AS (
          UPDATE %1$I.automate_outboxjob o SET available_at = u.slot
            FROM unnest($1, $2) u(event, slot)
           WHERE o.kind = 'event' AND o.event_id = u.event AND u.slot IS NOT NULL AND u.event <> ALL ($3)
             AND o.available_at < timestamptz '9998-01-01 00:00:00+00'
          RETURNING o.event_id, o.trace_id, u.slot)
        INSERT INTO %1$I.automate_matchdecision (event_id, decision, reason, failed_at, decided_at, trace_id)
        SELECT event_id, 'held', 'rate_limit: runs within the rate, at ' || to_char(slot AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
               '', now(), trace_id FROM held $q$, v_schema)
        USING v_events, v_slots, v_repeats;
    END IF;
    v_stored := v_stored + v_rows::int;
    v_low := v_high + 1;
  END LOOP;
  RETURN QUERY SELECT v_stored, 'stored'::text, NULL::uuid, NULL::uuid, NULL::bytea, NULL::int, NULL::bigint, NULL::int, NULL::text;
END $$;
