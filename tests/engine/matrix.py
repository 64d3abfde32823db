"""`make test-matrix`: the engine in a plain project, on each interpreter found and each series of Django it supports.

usage: python -m tests.engine.matrix [RELEASE:DJANGO ...] [-- pytest arguments]     such as 3.10:4.2 3.13:6.0

The interpreters are those of the machine; none is downloaded. Each pair gets an environment of its own, thrown away
after. Without pytest arguments: the contract of the outbox, whole runs, queues and retention, on PostgreSQL and SQLite.
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
            python = environments.make(Path(folder) / "env", python=found[release], django=django)
            code, said = environments.run_plain(python, *(further.split() or QUICK))
            name = f"Python {environments.version_of(python)}, Django {environments.django_of(python)}"
        print(f"{name}: {said}", flush=True)
        codes.append(code)
    return 0 if codes and not any(codes) else 1


if __name__ == "__main__":
    sys.exit(main())
