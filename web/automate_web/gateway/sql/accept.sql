-- accept: store one flush; see accept_v3 for what comes back.
SELECT ord, verdict, event_id, trace_id, body_hash, refused, retry_ms, rate_limit, rate_layer
  FROM public.automate_accept_v4($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
