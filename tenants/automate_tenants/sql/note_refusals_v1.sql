-- note_refusals: open or extend refusal episodes. The arrays are parallel, one element per span of refusals of an endpoint,
-- with what its first refusal was. A span less than 10 minutes from an episode belongs to it; otherwise it opens one.
-- Noting a span twice changes nothing. Count the refusals first: a closing adds up what is counted.
-- Returns the number of episodes whose opening is not in the audit log yet: call audit_refusals.
CREATE OR REPLACE FUNCTION public.automate_note_refusals_v1(
  p_tenants bigint[], p_endpoints uuid[], p_started timestamptz[], p_latest timestamptz[], p_codes text[], p_messages text[],
  p_traces uuid[], p_ips text[])
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s record; v_told boolean; v_untold int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(x'6175746F5245464E'::bigint);  -- "autoREFN": of two gateways with the same news one opens
  FOR s IN SELECT * FROM unnest(p_tenants, p_endpoints, p_started, p_latest, p_codes, p_messages, p_traces, p_ips)
                         u(tenant_id, endpoint_id, started_at, latest_at, code, message, trace_id, ip)
            ORDER BY tenant_id, endpoint_id, started_at LOOP
    UPDATE public.automate_tenants_refusalepisode e  -- its closing may delete it meanwhile: then nothing is found
       SET started_at = least(e.started_at, s.started_at), latest_at = greatest(e.latest_at, s.latest_at),
           seen_quiet_at = CASE WHEN s.latest_at > e.latest_at THEN NULL ELSE e.seen_quiet_at END
     WHERE e.id = (SELECT o.id FROM public.automate_tenants_refusalepisode o
                    WHERE o.tenant_id = s.tenant_id AND o.endpoint_id = s.endpoint_id
                      AND s.started_at < o.latest_at + interval '10 minutes'
                      AND s.latest_at > o.started_at - interval '10 minutes'
                    ORDER BY o.started_at DESC LIMIT 1)
    RETURNING e.is_opening_told INTO v_told;
    IF NOT FOUND THEN
      INSERT INTO public.automate_tenants_refusalepisode (
        tenant_id, endpoint_id, started_at, latest_at, code, message, trace_id, ip, due_at, is_opening_told, latest_error)
      VALUES (s.tenant_id, s.endpoint_id, s.started_at, s.latest_at, s.code, s.message, s.trace_id, s.ip::inet, s.started_at,
              false, '');
      v_told := false;
    END IF;
    v_untold := v_untold + (NOT v_told)::int;
  END LOOP;
  RETURN v_untold;
END $$;
