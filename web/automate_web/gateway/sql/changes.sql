-- changes: what pages of these tenants may have to show anew.
SELECT tenant_id, kind, id, mark FROM public.automate_changes_v1($1, $2);
