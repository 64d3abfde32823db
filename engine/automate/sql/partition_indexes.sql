-- partition_indexes: each index of the events' table: its name, whether it is the primary key's, and how it was made.
SELECT i.relname, x.indisprimary, pg_get_indexdef(i.oid)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = '{table}'::regclass ORDER BY i.relname
