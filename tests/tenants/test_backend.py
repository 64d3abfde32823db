"""The fail-closed backend, and beside it what the backend it extends does in the same situation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection, connections, transaction
from django_tenants.postgresql_backend.base import DatabaseWrapper as StockWrapper

from automate.models import Event
from automate_tenants.backend.base import DatabaseWrapper, SearchPathNotSet, StaleCursor
from automate_tenants.context import TenantRef, current_tenant, public_scope, tenant_or_none, tenant_scope
from tests.support import server
from tests.support.database import restorer
from tests.support.workspaces import Workspace
from tests.tenants.conftest import mark, marks

COUNT = "SELECT type FROM automate_event"


@pytest.fixture(scope="module")
def marked(
    database_urls: server.DatabaseUrls, workspaces: tuple[Workspace, Workspace], django_db_blocker: Any
) -> Iterator[tuple[TenantRef, TenantRef]]:
    """Both workspaces, each with one event that names it, really committed. The tests here only read."""
    with django_db_blocker.unblock():
        for workspace in workspaces:
            mark(workspace.ref)
        yield workspaces[0].ref, workspaces[1].ref
        restorer.restore()


@pytest.fixture
def wrapper() -> Iterator[Callable[..., Any]]:
    """`wrapper(cls, **options)`: a connection of its own, of that backend class, to this test's database."""
    made: list[Any] = []

    def make(cls: type[Any], **options: Any) -> Any:
        settings = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"], **options}}
        made.append(cls({**settings, "CONN_MAX_AGE": 0} if "pool" in options else settings, alias=f"own{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        each.close()
        if each.pool:
            each.close_pool()


class OnAnOlderServer(DatabaseWrapper):
    """As on PostgreSQL 15 to 17, which do not report search_path: only what the backend itself knows."""

    def _server_agrees(self) -> bool:
        return True


EITHER_SERVER = pytest.mark.parametrize("backend", [DatabaseWrapper, OnAnOlderServer])


def rows(wrapper: Any, sql: str = COUNT) -> list[str]:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def failing_set(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """As if the statement had been cancelled or had timed out on the server."""
    if str(sql).startswith("SET search_path"):
        raise OperationalError("canceling statement due to statement timeout")
    return execute(sql, params, many, context)


# A SET search_path that fails


def test_a_failed_set_is_an_error_and_not_the_previous_tenant(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha):
        assert marks() == ["of.alpha"]
    with tenant_scope(beta):
        with connection.execute_wrapper(failing_set), pytest.raises(SearchPathNotSet):
            marks()
        assert marks() == ["of.beta"]  # the connection is usable again, and right


def test_the_stock_backend_would_have_shown_the_previous_tenant(marked: Any, wrapper: Callable[..., Any]) -> None:
    alpha, beta = marked
    stock = wrapper(StockWrapper)
    stock.set_tenant(alpha)
    rows(stock)
    stock.set_tenant(beta)
    with stock.execute_wrapper(failing_set):
        assert rows(stock) == ["of.alpha"]  # the day this fails, upstream has closed the hole


def test_a_failed_set_in_a_transaction_is_an_error_too(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha), transaction.atomic():
        marks()
        with tenant_scope(beta), connection.execute_wrapper(failing_set), pytest.raises(SearchPathNotSet):
            marks()
        assert marks() == ["of.alpha"]


# What takes a SET back


def test_rollback_to_a_savepoint_does_not_leave_the_inner_tenant(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha), transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic(), tenant_scope(beta):
            assert marks() == ["of.beta"]
            raise ZeroDivisionError
        assert marks() == ["of.alpha"]
        with tenant_scope(beta):
            assert marks() == ["of.beta"]


def test_a_set_inside_a_rolled_back_savepoint_is_sent_again(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha):
        marks()
    with tenant_scope(beta), transaction.atomic():
        savepoint = transaction.savepoint()  # SET for beta is sent here or after; the rollback may take it back
        marks()
        transaction.savepoint_rollback(savepoint)
        assert marks() == ["of.beta"]


def test_rollback_of_a_transaction_forgets_its_tenant(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha):
        marks()
    with tenant_scope(beta):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert marks() == ["of.beta"]
            raise ZeroDivisionError
        assert marks() == ["of.beta"]


def commit_an_aborted_transaction(wrapper: Any, first: TenantRef, second: TenantRef) -> list[str]:
    """Swallow an error inside a transaction, commit it (PostgreSQL rolls back, and says nothing), then read."""
    wrapper.set_tenant(first)
    rows(wrapper)
    wrapper.set_autocommit(False)
    wrapper.set_tenant(second)
    rows(wrapper)  # the SET is part of the transaction
    with pytest.raises(DatabaseError):
        rows(wrapper, "SELECT 1/0")
    wrapper.commit()
    wrapper.set_autocommit(True)
    return rows(wrapper)


@EITHER_SERVER
def test_a_commit_that_postgresql_turns_into_a_rollback_forgets_its_tenant(
    marked: tuple[TenantRef, TenantRef], wrapper: Callable[..., Any], backend: type[Any]
) -> None:
    assert commit_an_aborted_transaction(wrapper(backend), *marked) == ["of.beta"]


@EITHER_SERVER
def test_whatever_ends_a_transaction_leaves_the_right_tenant(
    marked: tuple[TenantRef, TenantRef], wrapper: Callable[..., Any], backend: type[Any]
) -> None:
    """Each way out of a transaction that changed the tenant inside it, by the wrapper's own methods."""
    alpha, beta = marked
    own = wrapper(backend)

    def begin() -> None:
        own.set_tenant(alpha)
        assert rows(own) == ["of.alpha"]
        own.set_autocommit(False)

    begin()
    own.set_tenant(beta)
    rows(own)
    own.rollback()
    assert rows(own) == ["of.beta"]
    own.commit()
    own.set_autocommit(True)
    assert rows(own) == ["of.beta"]

    begin()
    savepoint = own.savepoint()
    own.set_tenant(beta)
    rows(own)
    own.savepoint_rollback(savepoint)
    assert rows(own) == ["of.beta"]
    with pytest.raises(DatabaseError):
        rows(own, "SELECT 1/0")
    own.savepoint_rollback(savepoint)
    assert rows(own) == ["of.beta"]
    own.rollback()
    own.set_autocommit(True)
    assert rows(own) == ["of.beta"]

    own.set_tenant(alpha)
    rows(own)
    own.set_tenant(beta)
    own.close()
    assert rows(own) == ["of.beta"]


def test_the_stock_backend_would_have_gone_on_in_the_wrong_schema(
    marked: tuple[TenantRef, TenantRef], wrapper: Callable[..., Any]
) -> None:
    assert commit_an_aborted_transaction(wrapper(StockWrapper), *marked) == ["of.alpha"]


@pytest.mark.parametrize(
    "sql", ["SET search_path = {alpha}", "RESET search_path", "DISCARD ALL", "SET search_path = ''"]
)
def test_a_path_changed_behind_our_back_is_noticed(marked: tuple[TenantRef, TenantRef], sql: str) -> None:
    alpha, beta = marked
    with tenant_scope(beta):
        marks()
        with connection.cursor() as cursor:  # as a pooler that hands out another server would
            cursor.execute(sql.format(alpha=alpha.schema_name))
        assert marks() == ["of.beta"]


def test_a_lost_connection_comes_back_at_the_right_schema(
    marked: tuple[TenantRef, TenantRef], superuser_connection: psycopg.Connection[Any]
) -> None:
    _, beta = marked
    with tenant_scope(beta):
        marks()
        [pid] = rows(connection, "SELECT pg_backend_pid()")
        superuser_connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(OperationalError):
            marks()
        connection.close()  # what Django does between two requests after an error
        assert marks() == ["of.beta"]


@EITHER_SERVER
def test_a_pooled_connection_does_not_bring_its_last_users_tenant(
    marked: tuple[TenantRef, TenantRef], wrapper: Callable[..., Any], backend: type[Any]
) -> None:
    alpha, beta = marked
    pooled = wrapper(backend, pool={"min_size": 1, "max_size": 1})
    pooled.set_tenant(alpha)
    assert rows(pooled) == ["of.alpha"]
    [first] = rows(pooled, "SELECT pg_backend_pid()")
    pooled.close()
    pooled.set_tenant(beta)
    assert rows(pooled) == ["of.beta"]
    assert rows(pooled, "SELECT pg_backend_pid()") == [first]  # it was the same server connection
    pooled.close()
    pooled.set_schema_to_public()
    with pytest.raises(ProgrammingError):
        rows(pooled)


def test_prepared_statements_follow_the_tenant(
    marked: tuple[TenantRef, TenantRef], wrapper: Callable[..., Any]
) -> None:
    binding = wrapper(DatabaseWrapper, server_side_binding=True)
    for _ in range(8):  # psycopg prepares a statement on its sixth execution
        for tenant in marked:
            binding.set_tenant(tenant)
            assert rows(binding) == [f"of.{tenant.slug}"]


# Cursors and hooks that outlive their scope


def test_a_cursor_kept_across_a_change_of_tenant_is_refused(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha), connection.cursor() as cursor:
        cursor.execute(COUNT)
        with tenant_scope(beta), pytest.raises(StaleCursor):
            cursor.execute(COUNT)
        with tenant_scope(beta), pytest.raises(StaleCursor):
            cursor.executemany(COUNT, [[]])
        cursor.execute(COUNT)
        assert cursor.fetchall() == [("of.alpha",)]


def test_an_on_commit_hook_runs_in_the_scope_that_registered_it(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    seen: list[tuple[str, list[str]]] = []
    with transaction.atomic():
        for tenant in (alpha, beta):
            with tenant_scope(tenant):
                transaction.on_commit(lambda: seen.append((current_tenant().slug, marks())))
        with public_scope():
            transaction.on_commit(lambda: seen.append((str(tenant_or_none()), [])))
    assert seen == [("alpha", ["of.alpha"]), ("beta", ["of.beta"]), ("None", [])]
    assert tenant_or_none() is None


# Nobody's tenant


def test_a_schema_that_does_not_exist_is_an_error(marked: tuple[TenantRef, TenantRef]) -> None:
    with tenant_scope(TenantRef(0, "t_aaaaaaaaaaaaaaaa", "ghost")), pytest.raises(ProgrammingError):
        marks()


def test_without_a_scope_a_query_is_an_error(marked: tuple[TenantRef, TenantRef]) -> None:
    with pytest.raises(ProgrammingError):
        marks()


def test_a_new_thread_has_no_tenant(marked: tuple[TenantRef, TenantRef], at_once: Callable[..., list[Any]]) -> None:
    def look() -> object:
        try:
            return marks()
        except ProgrammingError:
            return tenant_or_none()

    with tenant_scope(marked[0]):
        assert at_once(look, look) == [None, None]
        assert marks() == ["of.alpha"]


def test_threads_return_to_their_own_scopes(
    marked: tuple[TenantRef, TenantRef], at_once: Callable[..., list[Any]]
) -> None:
    """django-tenants' `with tenant:` keeps one list for all threads, and gives back the other thread's tenant."""
    alpha, beta = marked
    both_inside, one_out = threading.Barrier(2), threading.Event()

    def first() -> list[str]:
        with tenant_scope(alpha):
            with tenant_scope(beta):
                both_inside.wait(30)
                one_out.wait(30)
            return marks()

    def second() -> list[str]:
        with tenant_scope(beta):
            with tenant_scope(alpha):
                both_inside.wait(30)
            seen = marks()
            one_out.set()
            return seen

    assert at_once(first, second) == [["of.alpha"], ["of.beta"]]


def test_settings_shared_by_threads_say_nothing_of_a_tenant(marked: tuple[TenantRef, TenantRef]) -> None:
    with tenant_scope(marked[0]):
        marks()
        assert "SCHEMA" not in connections["default"].settings_dict


def test_five_queries_send_one_set(marked: tuple[TenantRef, TenantRef], statements: list[str]) -> None:
    with tenant_scope(marked[0]):
        for _ in range(5):
            marks()
    assert len(statements) == 6
    assert sum(sql.startswith("SET search_path") for sql in statements) == 1


def test_interleaved_work_of_two_tenants_never_mixes(
    marked: tuple[TenantRef, TenantRef], at_once: Callable[..., list[Any]]
) -> None:
    def work(mine: TenantRef, other: TenantRef) -> int:
        wrong = 0
        for turn in range(100):
            with tenant_scope(mine):
                try:
                    with transaction.atomic():
                        wrong += marks() != [f"of.{mine.slug}"]
                        with tenant_scope(other):
                            wrong += marks() != [f"of.{other.slug}"]
                        if turn % 3 == 0:
                            raise ZeroDivisionError
                        if turn % 3 == 1:
                            with connection.cursor() as cursor:
                                cursor.execute("SELECT 1/0")
                except (ZeroDivisionError, DatabaseError):
                    pass
                wrong += marks() != [f"of.{mine.slug}"]
        return wrong

    alpha, beta = marked
    calls = [lambda: work(alpha, beta), lambda: work(beta, alpha)] * 2
    assert at_once(*calls) == [0, 0, 0, 0]


def test_a_streamed_read_stays_with_the_tenant_it_began_in(marked: tuple[TenantRef, TenantRef]) -> None:
    alpha, beta = marked
    with tenant_scope(alpha):
        lines = Event.objects.values_list("type", flat=True).iterator(chunk_size=1)
        first = next(lines)
    with tenant_scope(beta):
        assert [first, *lines] == ["of.alpha"]
