-- audit_refusals: write the audit entries that are due at $1; how many episodes were looked at.
SELECT public.automate_audit_refusals_v1($1, $2) AS looked;
