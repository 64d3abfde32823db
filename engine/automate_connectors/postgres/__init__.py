"""The connector `postgres`: one statement in a customer's own PostgreSQL, read-only unless asked otherwise.

spec        the forms
connection  from parameters to a connection to a checked address
statement   one statement in one transaction, bounded in rows, bytes and time
connector   the actions, and what a failure means
"""

from automate_connectors.postgres.connector import PostgresAdapter

ADAPTERS = (PostgresAdapter,)

__all__ = ["ADAPTERS", "PostgresAdapter"]
