-- partition_triggers: statements' triggers on the table, which a host of the engine may have put there: name, and the
-- definition before and after the table's name. Rows' triggers are the engine's own. {table}: identifier.
SELECT quote_ident(t.tgname), split_part(d.text, d.target, 1) || ' ON ', ' ' || split_part(d.text, d.target, 2)
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT pg_get_triggerdef(t.oid) AS text, format(' ON %I.%I ', n.nspname, c.relname) AS target) d
 WHERE t.tgrelid = '{table}'::regclass AND NOT t.tgisinternal AND t.tgtype & 1 = 0
 ORDER BY 1
