-- horizon: the oldest transaction of this database that still writes. Every one before it has ended, savepoints included.
-- The snapshot is older than the look at who works: a transaction that began before it is seen there, or has ended.
-- Other databases of the server do not matter. Sessions of other roles hide their number; none of them stores events.
SELECT LEAST(ceiling, (SELECT min(ceiling - ((ceiling - backend_xid::text::bigint) & 4294967295))
                         FROM pg_stat_activity
                        WHERE datname = current_database() AND backend_xid IS NOT NULL
                          AND (ceiling - backend_xid::text::bigint) & 4294967295 < 2147483648))
  FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS now (ceiling)
