"""The plain project, imported once and forked for whatever is asked of it: each answer comes from a new process.

usage: python -m tests.engine.plain.prefork   (DJANGO_SETTINGS_MODULE and PLAIN_DATABASE are set by the test)
One JSON line a request on stdin: {"arguments": [...], "code": str | null, "out": path}: a management command, or code.
What the fork prints goes to `out`; its exit status is printed here, one line a request. The parent has no
thread and no database connection that a fork could share.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import django

SOON_NEEDED = (
    "automate.runtime", "automate.services", "automate.services.deadletters", "automate.execution",
    "automate.outbox.postgres", "automate.worker.loop", "automate_connectors.http.connector", "django.test",
)  # fmt: skip


def main() -> None:
    django.setup()
    for module in SOON_NEEDED:
        importlib.import_module(module)
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answer(request)
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def answer(request: dict[str, Any]) -> None:
    """In the fork: from here on an ordinary process, which ends as any does."""
    nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(request["out"], os.O_WRONLY | os.O_CREAT)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    if request["code"] is not None:
        exec(compile(request["code"], "<script>", "exec"), {"__name__": "__main__", "django": django, "json": json})
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(["django", *request["arguments"]])


if __name__ == "__main__":
    main()
