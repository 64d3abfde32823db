-- answer_waits: each open wait gets its one answer.
UPDATE automate_runwait w
   SET status = 'answered', answer = u.answer::jsonb, answered_by = left(u.answered_by, 200), answered_at = u.answered_at
  FROM unnest(%(wait_id)b::uuid[], %(run_id)b::uuid[], %(answer)b::text[], %(answered_by)b::text[],
              %(answered_at)b::timestamptz[]) AS u (id, run_id, answer, answered_by, answered_at)
 WHERE w.id = u.id AND w.status = 'open'
