"""The connector `postgres` against a real server: bound, read-only, in time, to a checked address."""

from __future__ import annotations

from typing import Any, ClassVar

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from automate_connectors.models import ConnectorError
from automate_connectors.postgres import PostgresAdapter
from automate_governance.egress import EgressPolicy
from automate_testing.contracts import CANARY, ConnectorContractTest

from .relay import relaying

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture(scope="module")
def shop(database_urls):
    """A customer's database: one table of orders."""
    with psycopg.connect(database_urls.owner, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS shop")
        connection.execute("DROP TABLE IF EXISTS shop.orders")
        connection.execute("CREATE TABLE shop.orders (id int PRIMARY KEY, note text, total numeric, at timestamptz)")
        connection.execute(
            "INSERT INTO shop.orders "
            "SELECT n, 'note ' || n, n * 1.5, '2026-11-21 12:00+00' FROM generate_series(1, 250) n"
        )
        yield database_urls.owner
        connection.execute("DROP SCHEMA shop CASCADE")


@pytest.fixture(scope="module")
def relay(shop):
    """The server listens on a Unix socket; a customer's is reached by TCP."""
    parts = conninfo_to_dict(shop)
    with relaying(f"{parts['host']}/.s.PGSQL.{parts.get('port') or 5432}") as relay:
        yield relay


@pytest.fixture
def where(shop, relay):
    relay.cut_after = b""
    parts = conninfo_to_dict(shop)
    return {
        "host": "127.0.0.1",
        "port": relay.port,
        "database": parts["dbname"],
        "user": parts["user"],
        "password": parts.get("password") or "",
        "tls": "off",
    }


@pytest.fixture
def policy(where):
    return EgressPolicy(private_targets=(f"{where['host']}:{where['port']}",))


@pytest.fixture
def call(where, policy):
    def do(action, query, values=None, **params):
        context = {"egress": policy, "timeout_seconds": params.pop("timeout_seconds", 20.0), "secrets": {}}
        return PostgresAdapter().execute(action, {**where, "query": query, "values": values, **params}, context)

    return do


@pytest.fixture
def count(shop):
    def rows(where="true"):
        with psycopg.connect(shop) as connection:
            return connection.execute(f"SELECT count(*) FROM shop.orders WHERE {where}").fetchone()[0]

    return rows


def test_rows_come_as_objects_of_json(call):
    output = call("query", "SELECT id, note, total, at, NULL AS n FROM shop.orders WHERE id = %(id)s", {"id": 2})

    assert output["rows"] == [{"id": 2, "note": "note 2", "total": "3.0", "at": output["rows"][0]["at"], "n": None}]
    assert output["rows"][0]["at"].startswith("2026-11-21T")
    assert (output["columns"], output["row_count"], output["truncated"]) == (
        ["id", "note", "total", "at", "n"],
        1,
        False,
    )
    assert call("query", "SELECT 1 AS a WHERE false")["columns"] == ["a"]


def test_values_are_bound_never_written_into_the_statement(call, count):
    hostile = "x'; DELETE FROM shop.orders; --"

    assert call("query", "SELECT %s::text AS said", [hostile])["rows"] == [{"said": hostile}]
    assert call("query", "SELECT note FROM shop.orders WHERE note = %s", [hostile])["rows"] == []
    assert count() == 250


def test_rows_are_bounded(call):
    output = call("query", "SELECT generate_series(1, 100000000) AS n", max_rows=3)

    assert (output["rows"], output["truncated"]) == ([{"n": 1}, {"n": 2}, {"n": 3}], True)
    assert not call("query", "SELECT * FROM generate_series(1, 3) n", max_rows=3)["truncated"]
    assert call("query", "SELECT repeat('x', 300000) FROM generate_series(1, 9)")["row_count"] == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("DELETE FROM shop.orders", "postgres_42601"),
        ("WITH gone AS (DELETE FROM shop.orders RETURNING id) SELECT * FROM gone", "postgres_0A000"),
        ("DROP TABLE shop.orders", "postgres_42601"),
        ("SELECT * FROM shop.orders FOR UPDATE", "postgres_25006"),
        ("SELECT 1 WHERE lo_create(0) > 0", "postgres_25006"),
        ("SELECT 1; DELETE FROM shop.orders", "postgres_42601"),
        ("COMMIT; DELETE FROM shop.orders", "postgres_42601"),
        ("COMMIT", "postgres_42601"),
        ("ROLLBACK", "postgres_42601"),
        ("SET TRANSACTION READ WRITE", "postgres_42601"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "postgres_25001"),
    ],
)
def test_a_query_cannot_write_whatever_it_says(call, count, query, code):
    with pytest.raises(ConnectorError) as raised:
        call("query", query)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, False, False)
    assert count() == 250


def test_execute_writes_in_one_transaction_and_answers_with_what_returns(call, count):
    output = call("execute", "UPDATE shop.orders SET note = %s WHERE id <= 3 RETURNING id", ["paid"], max_rows=2)

    assert (output["affected"], output["rows"], output["truncated"]) == (3, [{"id": 1}, {"id": 2}], True)
    assert count("note = 'paid'") == 3
    assert call("execute", "DELETE FROM shop.orders WHERE id > 1000")["affected"] == 0
    with pytest.raises(ConnectorError) as raised:
        call("execute", "UPDATE shop.orders SET id = 1 WHERE id = 2")
    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == ("postgres_23505", False, False)


@pytest.mark.parametrize("query", ["COMMIT", "ROLLBACK", "SET TRANSACTION READ ONLY"])
def test_a_write_that_leaves_its_transaction_is_told_and_in_doubt(call, query):
    with pytest.raises(ConnectorError) as raised:
        call("execute", query)

    assert (raised.value.code, raised.value.retryable) == ("postgres_transaction_control", False)
    assert raised.value.in_doubt


def test_a_statement_that_takes_too_long_is_stopped_in_the_server(call):
    with pytest.raises(ConnectorError) as raised:
        call("query", "SELECT pg_sleep(30)", timeout_seconds=0.5)

    assert (raised.value.code, raised.value.in_doubt) == ("timeout", False)


def test_a_connection_cut_before_the_commit_may_be_repeated(call, count):
    with pytest.raises(ConnectorError) as raised:
        call("execute", "DELETE FROM shop.orders WHERE pg_terminate_backend(pg_backend_pid())")

    assert (raised.value.retryable, raised.value.in_doubt) == (True, False)
    assert count() == 250


def test_a_commit_whose_answer_is_lost_is_in_doubt(call, relay):
    relay.cut_after = b"COMMIT"
    with pytest.raises(ConnectorError) as raised:
        call("execute", "UPDATE shop.orders SET note = 'doubt' WHERE id = 9")

    assert (raised.value.retryable, raised.value.in_doubt) == (False, True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "postgres_"),
        ({"tls": "verify"}, "postgres_connection"),
        ({"tls": "require"}, "postgres_connection"),
        ({"host": "127.0.0.2"}, "egress_denied"),
        ({"host": "localhost"}, "egress_denied"),
        ({"host": "/var/run/postgresql"}, "invalid_params"),
        ({"host": "a.example,127.0.0.1"}, "invalid_params"),
        ({"database": "x host=127.0.0.1"}, "invalid_params"),
        ({"database": "postgresql://127.0.0.1/x"}, "invalid_params"),
        ({"port": 22}, "egress_denied"),
    ],
)
def test_who_may_not_connect_does_not(call, changes, code):
    with pytest.raises(ConnectorError) as raised:
        call("query", "SELECT 1", **changes)

    assert raised.value.code.startswith(code)
    assert not raised.value.retryable and not raised.value.in_doubt


def test_the_environment_takes_no_part(call, monkeypatch):
    for name, value in {"PGHOSTADDR": "10.0.0.1", "PGOPTIONS": "-c search_path=x", "PGDATABASE": "x"}.items():
        monkeypatch.setenv(name, value)

    shown = call("query", "SELECT current_setting('search_path') AS path")["rows"]
    assert shown != [{"path": "x"}]


class TestPostgresContract(ConnectorContractTest):
    adapter_cls = PostgresAdapter
    configs: ClassVar = [{"host": "db.example.com", "database": "a", "user": "b"}]
    bad_configs: ClassVar = [{}, {"host": "x", "database": "a", "user": "b", "tls": "maybe"}]

    @pytest.fixture(autouse=True)
    def _shop(self, where, policy):
        self.policy = policy
        self.calls = {"query": {**where, "query": "SELECT 1 AS one"}, "execute": {**where, "query": "SELECT 1 AS one"}}
        self.failing_calls = {"query": {**where, "query": "SELECT no_such_column", "password": CANARY}}
        self.slow_calls = {"query": {**where, "query": "SELECT pg_sleep(30)"}}

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(**{"egress": self.policy} | changes)


def test_a_connection_is_tested_by_a_question(where, policy):
    said = PostgresAdapter().test(where, {"egress": policy, "secrets": {}})
    assert said.startswith("PostgreSQL ")
    assert said.endswith(f" let {where['user']} in.")
    with pytest.raises(ConnectorError, match="does not exist"):
        PostgresAdapter().test({**where, "database": "nowhere"}, {"egress": policy, "secrets": {}})
