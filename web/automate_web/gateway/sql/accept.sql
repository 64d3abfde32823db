-- accept: store one flush; see accept_v1 for what comes back.
SELECT ord, verdict, event_id, trace_id, body_hash
  FROM public.automate_accept_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);
