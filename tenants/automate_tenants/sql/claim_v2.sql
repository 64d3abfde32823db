-- claim: lease a batch of due jobs of the tenant whose turn it is (lowest vtime), events included. One statement, one
-- transaction, no search_path: safe behind any pooler.
-- The first row has kind 'claim' and tells the lease (null: nothing due) and `cleared`: tenants whose `ready` this claim
-- took away. The caller must pass those to automate_recheck_v1 at once, after this commits; a ring that fell into the open
-- claim saw ready = true and wrote nothing.
-- While the installation's kill switch is on nothing is leased: asked here, so that a claim costs no question more.
-- A job that ended a claim without a clean finish before (attempts > 0) is claimed alone, so it can harm nobody else.
CREATE OR REPLACE FUNCTION public.automate_claim_v2(p_worker text, p_limit int, p_lease_seconds double precision)
RETURNS TABLE (kind text, lease_id bigint, tenant_id bigint, schema_name text, config_version bigint, cleared bigint[],
               job_id bigint, attempts int, run_id uuid, event_id uuid, event_type text, source text, payload text,
               trace_id uuid, received_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
#variable_conflict use_column
DECLARE
  t record; v_lease bigint; v_ids bigint[]; v_seen int; v_left int; v_next timestamptz; v_cap int;
  v_cleared bigint[] := '{}';
BEGIN
  FOR k IN 1..8 LOOP  -- bounded: empty or broken tenants in front
    EXIT WHEN EXISTS (SELECT FROM public.automate_tenants_installationhalt);
    SELECT d.* INTO t FROM public.automate_tenants_dispatchtenant d
     WHERE d.ready AND d.inflight < d.max_inflight AND (d.paused_until IS NULL OR d.paused_until <= now())
     ORDER BY d.vtime LIMIT 1 FOR UPDATE SKIP LOCKED;
    EXIT WHEN NOT FOUND;
    v_cap := least(p_limit, t.max_inflight - t.inflight);
    BEGIN
      v_lease := nextval('public.automate_tenants_dispatchlease_lease_id_seq');
      EXECUTE format($q$
        WITH due AS (SELECT id, attempts, available_at FROM %1$I.automate_outboxjob
                      WHERE status = 'PENDING' AND available_at <= now()
                      ORDER BY available_at, id LIMIT $1 FOR UPDATE SKIP LOCKED),
             head AS (SELECT id, attempts > 0 AS crashed FROM due ORDER BY available_at, id LIMIT 1),
             pick AS (SELECT due.id FROM due, head
                       WHERE CASE WHEN head.crashed THEN due.id = head.id ELSE due.attempts = 0 END),
             held AS (UPDATE %1$I.automate_outboxjob o
                         SET status = 'CLAIMED', attempts = o.attempts + 1, lease_id = $2,
                             lease_expires_at = now() + make_interval(secs => $3)
                        FROM pick WHERE o.id = pick.id RETURNING o.id)
        SELECT coalesce(array_agg(id), '{}'), (SELECT count(*) FROM due) FROM held $q$, t.schema_name)
        INTO v_ids, v_seen USING v_cap, v_lease, p_lease_seconds;
      v_left := v_seen - cardinality(v_ids);
      v_next := NULL;
      IF v_seen < v_cap THEN
        EXECUTE format($q$SELECT min(available_at) FROM %I.automate_outboxjob
                           WHERE status = 'PENDING' AND available_at > now()$q$, t.schema_name) INTO v_next;
      END IF;
    EXCEPTION
      WHEN lock_not_available THEN  -- somebody alters its tables: the others go first
        UPDATE public.automate_tenants_dispatchtenant d SET paused_until = now() + interval '1 s'
         WHERE d.tenant_id = t.tenant_id;
        CONTINUE;
      WHEN OTHERS THEN  -- a broken tenant never blocks the rest
        UPDATE public.automate_tenants_dispatchtenant d
           SET paused_until = now() + interval '30 s', latest_error = left(SQLERRM, 500)
         WHERE d.tenant_id = t.tenant_id;
        CONTINUE;
    END;
    UPDATE public.automate_tenants_dispatchtenant d
       SET vtime = d.vtime + cardinality(v_ids) / d.weight,  -- settle puts the measured seconds in its place
           inflight = d.inflight + cardinality(v_ids),
           ready = (v_seen >= v_cap OR v_left > 0) AND d.inflight + cardinality(v_ids) < d.max_inflight,
           wake_at = CASE WHEN v_seen < v_cap THEN v_next ELSE d.wake_at END
     WHERE d.tenant_id = t.tenant_id;
    IF v_seen < v_cap THEN v_cleared := v_cleared || t.tenant_id; END IF;
    CONTINUE WHEN cardinality(v_ids) = 0;
    INSERT INTO public.automate_tenants_dispatchlease (lease_id, tenant_id, worker, job_ids, lease_until)
    OVERRIDING SYSTEM VALUE
    VALUES (v_lease, t.tenant_id, p_worker, v_ids, now() + make_interval(secs => p_lease_seconds));
    RETURN QUERY SELECT 'claim'::text, v_lease, t.tenant_id, t.schema_name::text, t.config_version, v_cleared,
      NULL::bigint, NULL::int, NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::timestamptz;
    RETURN QUERY EXECUTE format($q$
      SELECT o.kind::text, NULL::bigint, NULL::bigint, NULL::text, NULL::bigint, NULL::bigint[],
             o.id, o.attempts::int, o.run_id, e.id, e.type::text, e.source::text, e.payload::text, e.trace_id, e.received_at
        FROM %1$I.automate_outboxjob o
        LEFT JOIN %1$I.automate_event e ON o.kind = 'event' AND e.id = o.event_id
       WHERE o.id = ANY($1) ORDER BY o.available_at, o.id $q$, t.schema_name) USING v_ids;
    RETURN;
  END LOOP;
  RETURN QUERY SELECT 'claim'::text, NULL::bigint, NULL::bigint, NULL::text, NULL::bigint, v_cleared,
    NULL::bigint, NULL::int, NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::timestamptz;
END $$;
