-- ready: whether the database answers, and holds our tables.
SELECT EXISTS (SELECT FROM public.automate_tenants_webhookroute) AS has_routes;
