-- cancel_runs: ask these runs to stop at their next safe point.
UPDATE automate_executionrun SET cancel_requested_at = coalesce(cancel_requested_at, now())
 WHERE id = ANY (%(run_ids)b::uuid[]) AND status NOT IN ('succeeded', 'failed', 'cancelled')
