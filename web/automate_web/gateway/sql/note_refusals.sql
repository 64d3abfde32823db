-- note_refusals: open or extend episodes; how many of them the audit log does not know yet.
SELECT public.automate_note_refusals_v1($1, $2, $3, $4, $5, $6, $7, $8) AS untold;
