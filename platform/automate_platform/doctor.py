"""What `automate doctor` looks at. Each check is a function that answers Findings; none changes anything.

`ok` works · `warn` works, but a promise that we make elsewhere does not hold here · `bad` does not work.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import Error, connection

from automate_platform import environment as env
from automate_platform.home import Home
from automate_tenants import roles
from automate_tenants.context import public_scope
from automate_tenants.first_events import time_to_first_event
from automate_tenants.models import Tenant, TenantTemplate
from automate_tenants.template import code_version

OLDEST_SERVER = 150000  # PostgreSQL 15
DISK_WARN_BYTES = 2 * 1024**3
DISK_BAD_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Finding:
    subject: str
    state: Literal["ok", "warn", "bad"]
    words: str  # what was found, and what to do about it


def examine() -> list[Finding]:
    """Everything, the database last; what needs it is left out when it does not answer."""
    home = Home(settings.HOME)
    findings = [*_disk(home), *_private_files(home), *_broker()]
    try:
        with public_scope():
            return [*findings, *_server(), *_roles(), *_schema(), *_ringer(), *_first_events()]
    except Error as error:
        words = f"does not answer: {str(error).strip()}. Is `automate up` running, or DATABASE_URL right?"
        return [*findings, Finding("database", "bad", words)]


def _disk(home: Home) -> Iterator[Finding]:
    free = shutil.disk_usage(home.root).free
    state: Literal["ok", "warn", "bad"] = "bad" if free < DISK_BAD_BYTES else "warn" if free < DISK_WARN_BYTES else "ok"
    yield Finding("disk", state, f"{free / 1024**3:.1f} GiB free at {home.root}")


def _private_files(home: Home) -> Iterator[Finding]:
    """Secrets and keys are for their owner alone; the key store must exist once there are workspaces."""
    for folder in (home.root / "secrets", settings.KEY_STORE_DIR):
        if not folder.is_dir():
            yield Finding("files", "warn", f"{folder} does not exist yet; `automate up` makes it")
            continue
        loose = [p for p in (folder, *folder.iterdir()) if stat.S_IMODE(p.stat().st_mode) & 0o077]
        if loose:
            yield Finding("files", "bad", f"others may read {loose[0]}: chmod go= {loose[0]}")
        else:
            yield Finding("files", "ok", f"{folder} is readable by its owner alone")


def _broker() -> Iterator[Finding]:
    """Whether the broker lets us in, where there is one; its password is never said."""
    try:
        url = env.broker_url("CELERY_BROKER_URL")
    except RuntimeError as error:
        yield Finding("broker", "bad", str(error))
        return
    if not url:
        return
    from automate_platform.fleet import app, calls

    place, problem = calls.try_broker(app.make(url))
    if problem:
        words = f"{place} does not let us in: {problem}. Nothing runs meanwhile; what is accepted waits"
        yield Finding("broker", "bad", words)
    else:
        yield Finding("broker", "ok", f"{place} answers")


def _ringer() -> Iterator[Finding]:
    """Beside a broker workers do nothing until a ringer calls them."""
    if not env.text("CELERY_BROKER_URL"):
        return
    from automate_platform.fleet.calls import LEADER_LOCK

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = %s AND classid = 0"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LEADER_LOCK],
        )
        (leaders,) = cursor.fetchone()
    if leaders:
        yield Finding("ringer", "ok", "one calls the workers")
    else:
        yield Finding("ringer", "warn", "none calls the workers of CELERY_BROKER_URL: start `automate ringer`")


def _server() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, words = cursor.fetchone()
        cursor.execute("SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'")
        (is_durable,) = cursor.fetchone()
    is_old = number < OLDEST_SERVER
    yield Finding("database", "bad" if is_old else "ok", f"PostgreSQL {words}" + (", 15 is the oldest" * is_old))
    if not is_durable:
        yield Finding(
            "database", "warn", "fsync or synchronous_commit is off: an accepted event may be lost in a crash"
        )


def _roles() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        problems = roles.missing_promises(cursor)
    for problem in problems:
        yield Finding("roles", "warn", problem)
    if not problems:
        yield Finding("roles", "ok", "the product's role may not change tables, audit entries or templates")


def _schema() -> Iterator[Finding]:
    version = code_version()
    if not TenantTemplate.objects.filter(version=version).exists():
        yield Finding("schema", "bad", "the database is older than this code: automate migrate")
        return
    behind = Tenant.objects.exclude(schema_version=version).count()
    if behind:
        yield Finding("schema", "warn", f"{behind} workspaces are not at this code's version: automate migrate")
    else:
        yield Finding("schema", "ok", f"{Tenant.objects.count()} workspaces at this code's version")


def _first_events() -> Iterator[Finding]:
    """How long people take from sign-up to their first event; `automate tenants list` notes what is new."""
    taken = time_to_first_event()
    if taken.workspaces:
        words = f"median {taken.median_seconds} s, p90 {taken.p90_seconds} s over {taken.workspaces} workspaces"
        yield Finding("first event", "ok", f"from sign-up: {words}")
