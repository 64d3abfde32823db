"""One fault each, under load: how it is brought about, by what one sees that it was, and that work goes on by itself.

Each returns once events that were accepted afterwards have reached the receiver, with nobody's help. What must hold
then is `checker.check`'s business.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from automate_tenants.roles import IDLE_IN_TRANSACTION_SECONDS
from tests.chaos.checker import wait_idle
from tests.chaos.harness import LEASE_SECONDS, Harness, wait
from tests.chaos.points import POINTS

SHORT_MILLISECONDS = 2  # in which hardly a statement of a worker comes to its end
CRASHES = 5  # then a job is set aside


def at_point(harness: Harness, name: str, fault: Callable[[Harness, int], None]) -> None:
    """A process is made to wait at the point; `fault` is done to the product meanwhile, knowing the process id."""
    with harness.senders.sending(), _brought_about(harness, name):
        harness.arm(name, "pause")
        pid = harness.wait_reached(name)
        try:
            fault(harness, pid)
        finally:
            harness.go_on()
        harness.wait_progress()


def killed(harness: Harness, name: str) -> None:
    """SIGKILL at a point of the gateway or a worker."""
    with harness.senders.sending(), _brought_about(harness, name):
        harness.arm(name)
        pid = harness.wait_reached(name)
        harness.wait_reborn(POINTS[name].process, pid)
        harness.wait_progress()


def stopped(harness: Harness, name: str) -> None:
    """SIGSTOP at a point of a worker for longer than its lease: another one takes its work; what it wakes up to is
    fenced.
    """
    with _stuck_for_seconds(harness), harness.senders.sending(), _brought_about(harness, name):
        harness.arm(name, "stop")
        pid = harness.wait_reached(name)
        harness.wait_database_seconds(3 * LEASE_SECONDS)
        harness.wait_progress()
        taken = f"SELECT count(*) FROM public.automate_tenants_dispatchlease WHERE worker LIKE '%-{pid}-%'"
        wait(lambda: harness.rows(taken) == [(0,)], what="a stopped worker's leases are left")
        os.kill(pid, signal.SIGCONT)
        wait(lambda: harness.rows(taken) != [(0,)], what="it does not work again")
        harness.wait_progress()


@contextmanager
def _stuck_for_seconds(harness: Harness) -> Iterator[None]:
    """The server undoes what a stopped client has begun after three seconds, not after a minute."""
    names = ("idle_in_transaction_session_timeout", "transaction_timeout")
    _set_app_role(harness, *(f"SET {name} = '3s'" for name in names))
    try:
        yield
    finally:
        _set_app_role(harness, f"SET {names[0]} = '{IDLE_IN_TRANSACTION_SECONDS}s'", f"RESET {names[1]}")


@contextmanager
def _brought_about(harness: Harness, name: str) -> Iterator[None]:
    """What it takes that a process comes to that point under load."""
    receiver = harness.receiver
    if name.startswith("renew"):
        receiver.is_slow = True
    elif name == "promote.after":
        receiver.refuses = 3  # so few that the circuit to the receiver stays closed
    elif name == "reap.after":
        harness.arm("claim.after")
        dead = harness.wait_reached("claim.after")
        harness.wait_reborn("worker", dead)
    try:
        yield
    finally:
        receiver.is_slow, receiver.refuses = False, 0


def lost_ring(harness: Harness) -> None:
    """The gateway dies between an event's commit and its ring; the worker dies just after its sweep has found it."""
    wait_idle(harness)
    harness.arm("ring.before")
    accepted = harness.senders.send()
    dead = harness.wait_reached("ring.before")
    harness.arm("sweep.after")
    harness.wait_reborn("gateway", dead)
    dead = harness.wait_reached("sweep.after")
    harness.wait_reborn("worker", dead)
    wait(lambda: accepted in harness.receiver.calls["tell"], what="the event whose ring was lost")


def killed_in_mid_load(harness: Harness, process: str) -> None:
    """SIGKILL at no particular point."""
    with harness.senders.sending():
        harness.wait_progress()
        harness.kill(process)
        harness.wait_progress()


def poisoned(harness: Harness) -> None:
    """One run takes down every worker that touches it: after five it is set aside, and the rest goes on."""
    wait_idle(harness)
    for _ in range(CRASHES):
        harness.arm("step.before")
        if not _is_sent(harness):
            harness.senders.send()
        dead = harness.wait_reached("step.before")
        harness.wait_reborn("worker", dead)
    with harness.senders.sending():
        harness.wait_progress()


def _is_sent(harness: Harness) -> bool:
    return bool(harness.rows("SELECT 1 FROM automate_outboxjob WHERE status IN ('PENDING', 'CLAIMED') LIMIT 1"))


def provisioning_killed(harness: Harness, *names: str) -> None:
    """A workspace while it is opened, once at each point: nothing of it is left, its address is as free as before."""
    tables = (
        "SELECT (SELECT count(*) FROM public.automate_tenants_tenant),"
        " (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 't\\_%'),"
        " (SELECT count(*) FROM public.automate_tenants_dispatchtenant),"
        " (SELECT count(*) FROM public.automate_tenants_membership)"
    )
    slug = f"opened-{len(harness.reached)}"
    create = ("tenants", "create", slug, "--owner", f"{slug}@example.com", "--json")
    before = harness.rows(tables)
    for name in names:
        _command_killed(harness, name, *create)
        assert harness.rows(tables) == before

    again = harness.command(*create)

    assert again.returncode == 0, again.stderr
    assert harness.rows(tables) == [tuple(count + 1 for count in before[0])]


def migration_killed(harness: Harness, *names: str) -> None:
    """The demo workspace while it is migrated under load, at each point: named as not done until a run is through."""
    of_demo = "WHERE slug = 'demo'"
    with harness.as_owner() as connection:
        connection.execute(f"UPDATE public.automate_tenants_tenant SET schema_version = 'before' {of_demo}".encode())
    with harness.senders.sending():
        told = "SELECT status FROM public.automate_tenants_tenantmigration"
        for name in names:
            _command_killed(harness, name, "migrate")
            assert ("running",) in harness.rows(told)
        again = harness.command("migrate")
        assert again.returncode == 0, again.stderr
        assert set(harness.rows(told)) == {("done",)}
        assert harness.rows(f"SELECT schema_version FROM public.automate_tenants_tenant {of_demo}") != [("before",)]
        harness.wait_progress()


def _command_killed(harness: Harness, name: str, *arguments: str) -> None:
    harness.arm(name)
    ended = harness.command(*arguments)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    harness.wait_reached(name)


def postgres_down(harness: Harness, number: signal.Signals) -> None:
    """The server ends without a checkpoint and comes back: SIGQUIT (an immediate shutdown) or SIGKILL."""
    before = harness.pid("gateway"), harness.pid("worker")
    with harness.senders.sending():
        harness.wait_progress()
        harness.signal_postgres(number)
        harness.wait_progress()
    assert (harness.pid("gateway"), harness.pid("worker")) == before


def connections_reset(harness: Harness, times: int = 10) -> None:
    """Every connection to the database, again and again, while events are stored and run."""
    with harness.senders.sending():
        for _ in range(times):
            harness.wait_progress(more=1)
            assert harness.proxy.reset() > 0


def database_silent(harness: Harness) -> None:
    """Nothing passes to or from the database for longer than the leases last; then what was held back goes on."""
    with harness.senders.sending():
        harness.wait_progress()
        with harness.proxy.silent():
            harness.wait_database_seconds(2 * LEASE_SECONDS)
        harness.wait_progress()


def statements_timed_out(harness: Harness) -> None:
    """The server cancels whatever takes longer than two milliseconds."""
    said = "canceling statement due to statement timeout"
    before = harness.database_log().count(said)
    with harness.senders.sending():
        _set_app_role(harness, f"SET statement_timeout = {SHORT_MILLISECONDS}")
        try:
            wait(lambda: harness.database_log().count(said) >= before + 5, what="nothing was cancelled")
        finally:
            _set_app_role(harness, "RESET statement_timeout")
        harness.wait_progress()


def _set_app_role(harness: Harness, *changes: str) -> None:
    with harness.as_superuser() as connection:
        for change in changes:
            connection.execute(f"ALTER ROLE automate_app {change}".encode())
    harness.proxy.reset()  # it holds for connections made from now on


def disk_full(harness: Harness) -> None:
    """The file system of the database has no byte left until somebody makes room."""
    assert harness.disk is not None
    said = "No space left on device"
    before = harness.database_log().count(said)
    filler = harness.disk / "filler"
    with harness.senders.sending():
        harness.wait_progress()
        try:
            _fill(filler)
            wait(lambda: harness.database_log().count(said) > before, what="there was room")
            wait(lambda refused=harness.senders.refused: harness.senders.refused > refused + 5, what="none is refused")
        finally:
            filler.unlink(missing_ok=True)
        harness.wait_progress()


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def clocks_wrong(harness: Harness, *, gateway: int, worker: int) -> None:
    """The clocks of both are wrong by so many hours, and right again in the end."""
    with harness.senders.sending():
        _set_clocks(harness, gateway=gateway, worker=worker)
        accepted = harness.senders.send()
        ended = (
            "SELECT extract(epoch FROM e.received_at - now()), extract(epoch FROM r.ended_at - now())"
            " FROM automate_event e JOIN automate_executionrun r ON r.event_id = e.id"
            f" WHERE e.id = '{harness.senders.accepted[accepted]}' AND r.status = 'succeeded'"
        )
        seen = wait(lambda: harness.rows(ended), what="a run by wrong clocks")[0]
        assert [round(seconds / 3600) for seconds in seen] == [gateway, worker]  # else other clocks were set
        _set_clocks(harness)
        harness.wait_progress()


def _set_clocks(harness: Harness, **hours: int) -> None:
    """Of new lives: those there are end here."""
    for process in ("gateway", "worker"):
        (harness.folder / f"clock-{process}").write_text(str(hours.get(process, 0)))
        harness.end_life(process)


def wake_ups_gone(harness: Harness) -> None:
    """Nobody can listen for notifications: the hints are gone, and the table alone says what is to be done."""
    harness.proxy.is_deaf = True
    harness.proxy.reset()
    try:
        with harness.senders.sending():
            wait(lambda heard=harness.proxy.unheard: harness.proxy.unheard > heard, what="nobody tried to listen")
            harness.wait_progress()
    finally:
        harness.proxy.is_deaf = False
