-- insert_decisions: why each candidate workflow did or did not run, one row a pair. Arrays of equal length.
INSERT INTO automate_matchdecision (event_id, workflow_id, version_id, run_id, decision, reason, failed_at, decided_at,
                                    trace_id)
SELECT * FROM unnest(%(event_id)b::uuid[], %(workflow_id)b::uuid[], %(version_id)b::uuid[], %(run_id)b::uuid[],
                     %(decision)b::text[], %(reason)b::text[], %(failed_at)b::text[], %(decided_at)b::timestamptz[],
                     %(trace_id)b::uuid[])
