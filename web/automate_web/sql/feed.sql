-- feed: events written by transactions from `begin` on and before `end`, by id, behind `after`.
-- A row's xmin has 32 bits: its full number is the nearest one below the snapshot's xmax. Events are never updated.
SELECT id
  FROM (SELECT id, type, source, ceiling - ((ceiling - xmin::text::bigint) & 4294967295) AS written_by
          FROM automate_event, (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS now (ceiling)
         WHERE id >= %(floor)s AND id > %(after)s) AS event
 WHERE written_by >= %(begin)s AND written_by < %(end)s
   AND (%(type)s::text IS NULL OR type = %(type)s) AND (%(source)s::text IS NULL OR source = %(source)s)
 ORDER BY id
 LIMIT %(limit)s
