"""Migrating many workspaces, measured: schemas a second by number of threads, and what the catalogs of so many weigh.

usage: python -m loadtests.migrations [--workspaces 500] [--threads 1,2,4]

Starts its own PostgreSQL, opens that many real workspaces, and for each number of threads applies a migration that is
new to all of them: a column with a default and an index, built concurrently. In each round one workspace is broken
first, in a way that its migration fails: it must be named and paused, the rest done. Then it is mended, and the run is
repeated, which must bring only that one. At the end a run with nothing to apply.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

import automate.migrations as engine_migrations
from automate_platform import installation
from automate_platform.embedded import Postgres
from automate_platform.home import Home
from loadtests.signup import fill

ROUND = """
import json, sys, time
import django; django.setup()
from django.db import connection
from automate_tenants.context import public_scope
from automate_tenants.migrations_runner import migrate_tenants
from automate_tenants.models import DispatchTenant, Tenant
threads, column = int(sys.argv[1]), sys.argv[2]
with public_scope():
    broken = Tenant.objects.order_by("id")[1]  # not the first: that is the canary
    def run(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement.format(schema=broken.schema_name, column=column))
    run('ALTER TABLE {schema}.automate_event ADD COLUMN {column} integer')  # the migration meets what it would make
    began = time.perf_counter(); first = migrate_tenants(threads=threads); took = time.perf_counter() - began
    paused = DispatchTenant.objects.get(pk=broken.pk).latest_error[:60]
    run('ALTER TABLE {schema}.automate_event DROP COLUMN {column}')
    second = migrate_tenants(threads=threads)
    began = time.perf_counter(); third = migrate_tenants(threads=threads); idle = time.perf_counter() - began
    told = {"done": len(first.done), "seconds": took, "failed": list(first.failed), "paused": paused,
            "mended": second.done == [broken.slug] and second.is_clean, "idle": idle, "again": len(third.done)}
print(json.dumps(told))
"""
SIZES = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
       (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
                                                              AND relkind = 'r'),
       pg_database_size(current_database())
"""
MIGRATION = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("automate", "{before}")]
    operations = [
        migrations.AddField("event", "{column}", models.IntegerField(default=0, db_default=0)),
        AddIndexConcurrently("event", models.Index(fields=["{column}"], name="{column}_idx")),
    ]
"""


def write_tomorrow(folder: Path, rounds: int) -> list[str]:
    """A settings module for each round, whose engine has one migration more than that of the round before."""
    names = sorted(file.stem for file in Path(engine_migrations.__file__).parent.glob("[0-9]*.py"))
    modules = []
    for number in range(1, rounds + 1):
        package = folder / f"tomorrow_{number}"
        package.mkdir()
        (package / "__init__.py").touch()
        for name in names:
            module = f"import_module('automate.migrations.{name}')"
            words = f"from importlib import import_module\nMigration = {module}.Migration\n"
            (package / f"{name}.py").write_text(words)
        before = names[-1]
        for each in range(1, number + 1):
            text = MIGRATION.format(before=before, column=f"measured_{each}")
            before = f"9{each:03}_measured"
            (package / f"{before}.py").write_text(text)
        settings = f"settings_{number}"
        words = f"from automate_platform.settings import *\nMIGRATION_MODULES = {{'automate': '{package.name}'}}\n"
        (folder / f"{settings}.py").write_text(words)
        modules.append(settings)
    return modules


def measure(folder: Path, settings: str, threads: int, column: str, root: Path) -> dict[str, Any]:
    """One round, as the owner, in a process of its own."""
    environment = {
        **os.environ,
        "DJANGO_AUTOMATE_HOME": str(root),
        "DJANGO_AUTOMATE_AS_OWNER": "1",
        "DJANGO_SETTINGS_MODULE": settings,
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-c", ROUND, str(threads), column]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspaces", type=int, default=500)
    parser.add_argument("--threads", default="1,2,4")
    options = parser.parse_args()
    threads = [int(number) for number in options.threads.split(",")]
    with tempfile.TemporaryDirectory(prefix="migrations-") as name:
        folder, root = Path(name), Path(name) / "home"
        home = Home(root)
        installation.make_secrets(home)
        database = Postgres.of(home)
        database.start()
        try:
            installation.prepare_database(database, home)
            told = {**os.environ, "DJANGO_AUTOMATE_HOME": str(root)}
            command = [sys.executable, "-m", "automate_platform", "migrate"]
            subprocess.run(command, env=told, check=True, capture_output=True)
            show_sizes(database, "before")
            each = fill(root, options.workspaces)
            print(f"opened {options.workspaces} workspaces, {each * 1000:.0f} ms each")
            for number, settings in enumerate(write_tomorrow(folder, len(threads)), start=1):
                found = measure(folder, settings, threads[number - 1], f"measured_{number}", root)
                rate, many = found["done"] / found["seconds"], threads[number - 1]
                print(
                    f"{many} threads: {found['done']} schemas in {found['seconds']:.1f} s, {rate:.1f}/s; "
                    f"failed and paused: {found['failed']} ({found['paused']}); mended by the next run: "
                    f"{found['mended']}; nothing to apply: {found['idle'] * 1000:.0f} ms"
                )
                if found["failed"] == [] or not found["mended"] or found["again"]:
                    return 1
            show_sizes(database, "after")
        finally:
            database.stop()
    return 0


def show_sizes(database: Postgres, when: str) -> None:
    with psycopg.connect(database.superuser_url(installation.DATABASE)) as connection:
        classes, attributes, catalog, all_of_it = map(int, connection.execute(SIZES).fetchall()[0])
    print(
        f"{when}: {classes:,} rows of pg_class, {attributes:,} of pg_attribute, catalogs {catalog / 1e6:.0f} MB, "
        f"database {all_of_it / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
