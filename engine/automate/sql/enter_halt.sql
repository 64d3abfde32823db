-- enter_halt: runs of halted workflows wait for the switch. It is locked against being turned off meanwhile; a run that does
-- not come back here is not halted any more.
WITH off AS (SELECT id FROM automate_halt WHERE id = ANY (%(workflow_id)b::uuid[]) FOR KEY SHARE)
INSERT INTO automate_queueplace AS p (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at, trace_id)
SELECT u.run_id, 'halt', u.key, u.workflow_id, u.place, 1, '', now(), r.trace_id
  FROM unnest(%(run_id)b::uuid[], %(key)b::text[], %(workflow_id)b::uuid[], %(place)b::bigint[])
    AS u (run_id, key, workflow_id, place) JOIN off ON off.id = u.workflow_id
    LEFT JOIN automate_executionrun r ON r.id = u.run_id
ON CONFLICT (run_id, kind) DO UPDATE SET place = p.place
RETURNING run_id
