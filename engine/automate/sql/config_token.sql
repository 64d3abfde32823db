-- config_token: changes whenever what runs changes (one schema alone; the platform counts it in the dispatch row).
SELECT count(*), max(updated_at) FROM automate_workflow
