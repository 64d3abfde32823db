-- partition_rights: who may do what with the events' table, as GRANT statements for its twin {parent}.
SELECT format('GRANT %s ON %s TO %I', string_agg(privilege_type, ', '), '{parent}', grantee::regrole::text)
  FROM pg_class c, aclexplode(c.relacl) WHERE c.oid = '{table}'::regclass AND grantee <> 0 AND grantee <> c.relowner
 GROUP BY grantee
