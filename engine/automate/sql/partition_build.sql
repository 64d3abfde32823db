-- partition_build: an empty partitioned twin of the events' table, with the same columns, indexes and rights, under a name
-- of its own. Nothing that serves is touched. {parent}, {table}: identifiers.
CREATE TABLE {parent} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMMENTS) PARTITION BY RANGE (id)
