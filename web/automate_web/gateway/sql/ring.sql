-- ring: say that committed events are waiting for these tenants.
SELECT public.automate_ring_v1($1);
