"""A pooler before PostgreSQL is noticed: behind one in transaction mode search_path is not ours to set."""

from __future__ import annotations

import psycopg

from automate_tenants.roles import pooler_problem
from tests.support import server


def test_a_direct_connection_is_none(database_urls: server.DatabaseUrls) -> None:
    with psycopg.connect(database_urls.app) as connection, connection.cursor() as cursor:
        assert pooler_problem(cursor) == ""
