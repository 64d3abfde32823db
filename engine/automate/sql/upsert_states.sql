-- upsert_states: what a retry resumes from, sealed.
INSERT INTO automate_runstate (run_id, sealed, expires_at, trace_id)
SELECT * FROM unnest(%(run_id)b::uuid[], %(sealed)b::bytea[], %(expires_at)b::timestamptz[], %(trace_id)b::uuid[])
ON CONFLICT (run_id) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at
