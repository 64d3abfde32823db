"""`automate runs …`"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from automate_client.api import Api
from automate_client.failures import FAILED
from automate_client.parser import filters_of
from automate_client.stream import changes
from automate_client.talk import confirm, painted, say, show, show_page, table

COLUMNS = {
    "id": "id",
    "status": "status",
    "workflow": "workflow.slug",
    "version": "version.version_num",
    "steps": "steps_done",
    "of": "steps_total",
    "created": "created_at",
}
ENDED = {"succeeded", "failed", "cancelled"}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/runs", **filters_of(options)), COLUMNS)


def get(options: argparse.Namespace) -> None:
    run = Api(options).get(_path(options.run))
    show(options, run, _told(run))


def watch(options: argparse.Namespace) -> int:
    """Says each change once; with `--json` the run itself, one line for each change."""
    api = Api(options)
    seen: Any = None
    for _ in changes(api):
        run = api.get(_path(options.run))
        stands = (run["status"], [(step["id"], step["status"]) for step in run["steps"]])
        if stands != seen:
            show(options, run, [_line(run)])
            seen = stands
        if run["status"] in ENDED:
            if run["error"]:
                say(options, f"{run['error']['message']} [{run['error']['code']}]")
            return 0 if run["status"] == "succeeded" else FAILED
    raise AssertionError("changes never end")


def retry(options: argparse.Namespace) -> None:
    """A dry run asks the server, so it says which steps would run again and which effects may repeat."""
    body = {"from": options.from_, "version": options.version, "dry_run": options.dry_run}
    answer = Api(options).send("POST", f"{_path(options.run)}/retries", body)
    again = [["step", "effect", "repeats"]] + [
        [step["id"], step["effect"], "yes" if step["repeats"] else "no"] for step in answer["plan"]["again"]
    ]
    show(options, answer, [*([answer["id"]] if answer["id"] else []), *table(again)])
    say(options, f"See: automate runs watch {answer['id']}" if answer["id"] else "Nothing was started.")


def cancel(options: argparse.Namespace) -> None:
    confirm(options, f"Stop the run {options.run} and its children?")
    run = Api(options).change("POST", f"{_path(options.run)}/cancellations")
    show(options, run, [_line(run)])


def _path(run: str) -> str:
    return f"/runs/{quote(run, safe='')}"


def _line(run: dict[str, Any]) -> str:
    now = [step["id"] for step in run.get("steps", []) if step["status"] in {"running", "waiting", "failed", "unknown"}]
    line = f"{painted(run['status'])}  {run['steps_done']}/{run['steps_total']} steps"
    return f"{line}  {', '.join(now)}" if now else line


def _told(run: dict[str, Any]) -> Iterable[str]:
    workflow = (run["workflow"] or {}).get("slug", "a deleted workflow")
    yield f"{run['id']}  {painted(run['status'])}  {workflow} v{run['version']['version_num']}  trace {run['trace_id']}"
    rows = [["step", "status", "attempts"]]
    rows += [[step["id"], step["status"] or "-", str(len(step["attempts"]))] for step in run["steps"]]
    yield from table(rows)
    if run["error"]:
        yield f"error: {run['error']['message']} [{run['error']['code']}]"
