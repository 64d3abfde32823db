-- try_alone: whether this transaction alone may work under a name, until it ends. Names are of the current schema.
SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), %(name)s::text), 0));
