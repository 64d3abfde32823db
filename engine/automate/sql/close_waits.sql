-- close_waits: nobody may answer these any more. One that was answered stays answered.
UPDATE automate_runwait w SET status = u.status
  FROM unnest(%(ids)b::uuid[], %(statuses)b::text[]) AS u (id, status) WHERE w.id = u.id AND w.status = 'open'
