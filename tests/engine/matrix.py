"""`make test-matrix`: the engine in a plain project, on each interpreter found and each series of Django it supports.

usage: python -m tests.engine.matrix [RELEASE:DJANGO ...] [-- pytest arguments]     such as 3.10:4.2 3.13:6.0

The interpreters are those of the machine; none is downloaded. Each pair gets an environment of its own, thrown away
after. Without pytest arguments: the engine's own tests that need no database, all under that interpreter; and in a
plain project whose processes run under it, the contract of the outbox, whole runs, queues and retention, on PostgreSQL
and SQLite. Pytest arguments choose other tests of plain projects instead of both.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.engine import environments

QUICK = (f"{environments.PLAIN}/test_plain_project.py",)


def main() -> int:
    asked, _, further = " ".join(sys.argv[1:]).partition("--")
    found = environments.interpreters()
    pairs = [
        (release, django)
        for django, releases in environments.DJANGOS.items()
        for release in releases
        if not asked.split() or f"{release}:{django}" in asked.split()
    ]
    codes = []
    for release, django in sorted(pairs):
        if release not in found:
            print(f"Python {release}: not found, Django {django} not run", flush=True)
            continue
        with tempfile.TemporaryDirectory(prefix="engine-matrix-") as folder:
            packages = () if further else environments.TESTING
            python = environments.make(Path(folder) / "env", python=found[release], django=django, packages=packages)
            name = f"Python {environments.version_of(python)}, Django {environments.django_of(python)}"
            code, said = environments.run_plain(python, *(further.split() or QUICK))
            print(f"{name}, plain project: {said}", flush=True)
            codes.append(code)
            if not further:
                code, said = environments.run_own(python)
                print(f"{name}, the engine's own tests: {said}", flush=True)
                codes.append(code)
    return 0 if codes and not any(codes) else 1


if __name__ == "__main__":
    sys.exit(main())
