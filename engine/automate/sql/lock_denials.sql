-- lock_denials: one after the other, who tells of the same episode of denials; a statement of its own, so that the next sees
-- what was told meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), 'denial', episode), 0))
  FROM (SELECT DISTINCT episode FROM unnest(%(episode)b::text[]) AS u (episode) ORDER BY episode) AS mine
