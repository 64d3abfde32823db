-- audit_refusals: tell the audit logs of refusal episodes that opened, and of those quiet for 10 minutes. Only schemas of
-- episodes that are due are visited. Quiet must be seen twice, 15 s apart: a gateway that was cut off may still have news.
-- p_ids: ids for the entries; each episode takes up to two. Returns the number of episodes looked at; any number of callers.
-- A schema that takes no entry is tried again each minute and delays nobody else; of a tenant that is gone nothing stays.
CREATE OR REPLACE FUNCTION public.automate_audit_refusals_v1(p_now timestamptz, p_ids uuid[])
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms'
SET timezone = 'UTC' AS $$
DECLARE
  e record;
  v_entry text;
  v_iso text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
  v_counts jsonb;
  v_total bigint;
  v_looked int := 0;
  v_written int := 0;
  v_before int;
BEGIN
  FOR e IN SELECT r.*, t.schema_name, 'endpoint:' || r.endpoint_id AS resource
             FROM public.automate_tenants_refusalepisode r
             LEFT JOIN public.automate_tenants_tenant t ON t.id = r.tenant_id
            WHERE r.due_at <= p_now ORDER BY r.due_at, r.id LIMIT cardinality(p_ids) / 2 FOR UPDATE OF r SKIP LOCKED LOOP
    v_looked := v_looked + 1;
    IF e.schema_name IS NULL THEN
      DELETE FROM public.automate_tenants_refusalepisode WHERE id = e.id;
      CONTINUE;
    END IF;
    v_before := v_written;
    v_entry := format($q$INSERT INTO %I.automate_auditlogentry (id, actor, action, resource, details, trace_id, ip, created_at)
                         VALUES ($1, 'system', $2, $3, $4, $5, $6, $7)$q$, e.schema_name);
    BEGIN
      IF NOT e.is_opening_told THEN
        v_written := v_written + 1;
        EXECUTE v_entry USING p_ids[v_written], 'webhook.refusals.opened', e.resource,
          jsonb_build_object('code', e.code, 'message', e.message, 'started_at', to_char(e.started_at, v_iso)),
          e.trace_id, e.ip, p_now;
      END IF;
      IF e.seen_quiet_at IS NOT NULL AND e.latest_at + interval '10 minutes' <= p_now THEN
        SELECT coalesce(jsonb_object_agg(c.code, c.count), '{}'), coalesce(sum(c.count), 0) INTO v_counts, v_total
          FROM (SELECT m.code, sum(m.count) AS count FROM public.automate_tenants_refusalcount m
                 WHERE m.tenant_id = e.tenant_id AND m.endpoint_id = e.endpoint_id
                   AND m.minute BETWEEN date_trunc('minute', e.started_at) AND e.latest_at GROUP BY m.code) c;
        v_written := v_written + 1;
        EXECUTE v_entry USING p_ids[v_written], 'webhook.refusals.closed', e.resource,
          jsonb_build_object('counts', v_counts, 'total', v_total, 'started_at', to_char(e.started_at, v_iso),
                             'ended_at', to_char(e.latest_at, v_iso)),
          NULL::uuid, NULL::inet, p_now;
        DELETE FROM public.automate_tenants_refusalepisode WHERE id = e.id;
      ELSIF e.latest_at + interval '10 minutes' <= p_now THEN
        UPDATE public.automate_tenants_refusalepisode
           SET is_opening_told = true, latest_error = '', seen_quiet_at = p_now, due_at = p_now + interval '15 seconds'
         WHERE id = e.id;
      ELSE
        UPDATE public.automate_tenants_refusalepisode
           SET is_opening_told = true, latest_error = '', due_at = e.latest_at + interval '10 minutes' WHERE id = e.id;
      END IF;
    EXCEPTION WHEN OTHERS THEN  -- being migrated, or broken
      v_written := v_before;
      UPDATE public.automate_tenants_refusalepisode
         SET latest_error = left(SQLERRM, 500), due_at = p_now + interval '1 minute' WHERE id = e.id;
    END;
  END LOOP;
  RETURN v_looked;
END $$;
