-- drop_versions: delete the versions of a purged workflow, by the function that may; how many they were.
SELECT automate_drop_versions(%(workflow_id)s)
