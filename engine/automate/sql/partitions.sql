-- partitions: of the events' table, oldest first: name, and the bounds as the server writes them ('DEFAULT' for the rest).
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{table}'::regclass ORDER BY c.relname
