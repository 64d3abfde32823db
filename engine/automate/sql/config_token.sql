-- config_token: changes whenever what runs changes (one schema alone; the platform counts it in the dispatch row).
SELECT count(*), max(updated_at), (SELECT max(revision) FROM automate_policy) FROM automate_workflow
