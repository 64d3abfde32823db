-- enter_queue: ask for places of one kind; see the function (migration of flow control) for the verdicts.
SELECT asked_run, verdict
  FROM automate_enter_queue(%(kind)s::text, %(run_id)b::uuid[], %(key)b::text[], %(workflow_id)b::uuid[],
                            %(place)b::bigint[], %(cap)b::int[], %(on_stuck)b::text[])
