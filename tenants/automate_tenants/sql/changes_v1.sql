-- changes: what pages of these tenants may have to show anew, for the live streams; one statement for all of them.
-- p_since: an id with the millisecond from which events and runs count as recent, in front (ids are ordered by time).
-- Kinds: 'event' (a recent event's id) · 'run' (a recent or unfinished run's id, and a mark that differs after any change) ·
-- 'refusal' (the newest sample's id). At most 200 of each per tenant: above that a page shows "many" and reads the list.
CREATE OR REPLACE FUNCTION public.automate_changes_v1(p_tenants bigint[], p_since uuid)
RETURNS TABLE(tenant_id bigint, kind text, id text, mark text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
#variable_conflict use_column
DECLARE t record;
BEGIN
  FOR t IN SELECT id, schema_name FROM public.automate_tenants_tenant WHERE id = ANY (p_tenants) LOOP
    BEGIN
      RETURN QUERY EXECUTE format($q$
        (SELECT $1, 'event', e.id::text, '' FROM %1$I.automate_event e WHERE e.id >= $2 ORDER BY e.id DESC LIMIT 200)
        UNION ALL
        (SELECT $1, 'run', r.id::text, concat_ws(' ', r.status, r.steps_done, r.wake_at, r.ended_at)
           FROM %1$I.automate_executionrun r WHERE r.id >= $2 ORDER BY r.id DESC LIMIT 200)
        UNION ALL
        (SELECT $1, 'run', r.id::text, concat_ws(' ', r.status, r.steps_done, r.wake_at, r.ended_at)
           FROM %1$I.automate_executionrun r
          WHERE r.status IN ('queued', 'running', 'waiting') AND r.id < $2 ORDER BY r.id DESC LIMIT 200)
        UNION ALL
        (SELECT $1, 'refusal', max(s.id)::text, '' FROM public.automate_tenants_refusalsample s WHERE s.tenant_id = $1)
      $q$, t.schema_name) USING t.id, p_since;
    EXCEPTION WHEN lock_not_available OR undefined_table OR invalid_schema_name THEN
      NULL;  -- being migrated or deleted: the next call looks again
    END;
  END LOOP;
END $$;
