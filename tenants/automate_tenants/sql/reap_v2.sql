-- reap: take back the jobs of leases that ran out. A job that has now ended 5 claims without a clean finish is DEAD: its
-- run fails with the reason, its event is held with the reason. Any worker, any number of them. Returns jobs taken back.
CREATE OR REPLACE FUNCTION public.automate_reap_v2(p_limit int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE l record; v_schema text; v_jobs int; v_total int := 0;
BEGIN
  FOR l IN SELECT x.* FROM public.automate_tenants_dispatchlease x WHERE x.lease_until < now()
            ORDER BY x.lease_until LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
    SELECT d.schema_name INTO v_schema FROM public.automate_tenants_dispatchtenant d WHERE d.tenant_id = l.tenant_id;
    BEGIN
      EXECUTE format($q$
        WITH back AS (
          UPDATE %1$I.automate_outboxjob
             SET status = CASE WHEN attempts >= 5 THEN 'DEAD' ELSE 'PENDING' END,
                 available_at = now() + CASE WHEN attempts <= 1 THEN interval '0' ELSE least(power(2, attempts), 60) * interval '1 s' END,
                 lease_id = NULL, lease_expires_at = NULL
           WHERE id = ANY ($1) AND lease_id = $2 AND status = 'CLAIMED' RETURNING kind, status, run_id, event_id),
        failed AS (
          UPDATE %1$I.automate_executionrun r SET status = 'failed', ended_at = now(), wake_at = NULL,
                 error = jsonb_build_object('code', 'worker_crashed', 'details', '{}'::jsonb, 'message',
                   'Five workers stopped while this run was in their hands, so it was set aside. Look at its latest step, then retry it.')
            FROM back WHERE back.status = 'DEAD' AND r.id = back.run_id
             AND r.status NOT IN ('succeeded', 'failed', 'cancelled')
          RETURNING r.id, r.trace_id),
        told AS (  -- a tick that tells whoever waits for the run or listens for its end (automate.execution.endings)
          INSERT INTO %1$I.automate_outboxjob (kind, subject_id, status, available_at, attempts, trace_id)
          SELECT 'tick', id, 'PENDING', now(), 0, trace_id FROM failed),
        held AS (
          INSERT INTO %1$I.automate_matchdecision (event_id, decision, reason, failed_at, decided_at, trace_id)
          SELECT e.id, 'held', 'worker_crashed', '', now(), e.trace_id
            FROM back JOIN %1$I.automate_event e ON e.id = back.event_id
           WHERE back.status = 'DEAD' AND back.kind = 'event')
        SELECT count(*) FROM back $q$, v_schema) INTO v_jobs USING l.job_ids, l.lease_id;
    EXCEPTION WHEN OTHERS THEN  -- a broken tenant: look again in 30 s
      UPDATE public.automate_tenants_dispatchlease x SET lease_until = now() + interval '30 s' WHERE x.lease_id = l.lease_id;
      UPDATE public.automate_tenants_dispatchtenant d SET latest_error = left(SQLERRM, 500) WHERE d.tenant_id = l.tenant_id;
      CONTINUE;
    END;
    DELETE FROM public.automate_tenants_dispatchlease x WHERE x.lease_id = l.lease_id;
    UPDATE public.automate_tenants_dispatchtenant d
       SET inflight = greatest(0, d.inflight - cardinality(l.job_ids)), ready = true,  -- the next claim finds out what is due
           wake_at = least(d.wake_at, now() + interval '2 s')
     WHERE d.tenant_id = l.tenant_id;
    v_total := v_total + v_jobs;
  END LOOP;
  IF v_total > 0 THEN PERFORM pg_notify('automate_wake', ''); END IF;
  RETURN v_total;
END $$;
