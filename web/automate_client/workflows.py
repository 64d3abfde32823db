"""`automate workflows …`"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from automate_client.api import Api
from automate_client.documents import definitions
from automate_client.failures import INVALID, USAGE, CommandFailed
from automate_client.parser import filters_of
from automate_client.talk import confirm, say, show, show_page

COLUMNS = {"slug": "slug", "state": "state", "live version": "active_version.version_num", "name": "name"}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/workflows", **filters_of(options)), COLUMNS)


def get(options: argparse.Namespace) -> None:
    found = Api(options).get(_path(options.workflow))
    shown = {name: value for name, value in found.items() if name != "draft"}
    live = found["active_version"]
    shown["active_version"] = live["version_num"] if live else None
    show(options, found, (f"{name}: {'-' if value is None else value}" for name, value in shown.items()))


def export(options: argparse.Namespace) -> None:
    api = Api(options)
    if options.version == "draft":
        definition = api.get(_path(options.workflow))["draft"]
    else:
        definition = api.get(f"{_path(options.workflow)}/versions/{quote(options.version, safe='')}/definition")
    text = json.dumps(definition, indent=2, ensure_ascii=False)
    if not options.file:
        print(text)
        return
    Path(options.file).write_text(text + "\n")
    say(options, f"Written to {options.file}.")


def import_(options: argparse.Namespace) -> None:
    """A dry run asks the server, so it says what would change."""
    body = {
        "definitions": definitions(options.file),
        "publish": not options.draft,
        "dry_run": options.dry_run,
    }
    answer = Api(options).send("POST", "/workflow-imports", body)
    show(options, answer, _imported(answer["results"]))
    if options.dry_run:
        say(options, "Nothing was changed.")


def validate(options: argparse.Namespace) -> int:
    api = Api(options)
    answers = [(each, api.send("POST", "/workflow-validations", each)) for each in definitions(options.file)]
    results = [{"slug": _slug(each), **answer} for each, answer in answers]
    lines = [
        f"{result['slug']}: {problem['severity']} at {problem['path'] or '/'}: {problem['message']} [{problem['code']}]"
        for result in results
        for problem in result["problems"]
    ]
    lines += [f"{result['slug']}: valid" for result in results if result["valid"]]
    show(options, results, lines)
    return 0 if all(result["valid"] for result in results) else INVALID


def diff(options: argparse.Namespace) -> int:
    """1 where something differs, as `diff` has it."""
    api = Api(options)
    if options.file:
        asked = {"definitions": definitions(options.file), "dry_run": True}
        answer = api.send("POST", "/workflow-imports", asked)
        show(options, answer, _imported(answer["results"]))
        return int(any(result["outcome"] != "unchanged" for result in answer["results"]))
    if not options.workflow:
        raise CommandFailed("Say which workflow, or --file FILE.", USAGE)
    query = {"from": options.from_, "to": options.to}
    changes = api.get(f"{_path(options.workflow)}/versions/diff", **query)
    lines = list(_changes(changes))
    show(options, changes, lines or [f"Versions {changes['from']} and {changes['to']} are the same."])
    return int(bool(lines))


def publish(options: argparse.Namespace) -> None:
    """What is published is what was read: a draft that changes meanwhile is a conflict."""
    api = Api(options)
    path = _path(options.workflow)
    draft = api.get(path)
    made = api.change(
        "POST", f"{path}/versions", {"note": options.note}, headers={"If-Match": f'"{draft["draft_revision"]}"'}
    )
    show(options, made, [f"{draft['slug']}: version {made['version_num']} is live"])


def rollback(options: argparse.Namespace) -> None:
    api = Api(options)
    path = _path(options.workflow)
    live = api.get(path)["active_version"]
    if live is None:
        raise CommandFailed("Nothing of this workflow is live, so there is nothing to roll back.", INVALID)
    confirm(options, f"Let version {options.version} of {options.workflow} run instead of {live['version_num']}?")
    body = {"version_num": options.version, "expected_version_num": live["version_num"], "note": options.note}
    made = api.change("POST", f"{path}/rollbacks", body)
    show(
        options,
        made,
        [f"{options.workflow}: version {made['version_num']}, which says what {options.version} said, is live"],
    )


def _path(workflow: str) -> str:
    return f"/workflows/{quote(workflow, safe='')}"


def _slug(definition: Any) -> str:
    return str(definition.get("slug", "?")) if isinstance(definition, dict) else "?"


def _imported(results: Iterable[dict[str, Any]]) -> Iterable[str]:
    for result in results:
        version = result["version_num"]
        yield f"{result['slug']}: {result['outcome']}" + (f", version {version}" if version is not None else "")
        yield from _changes(result["changes"] or {})


def _changes(changes: dict[str, Any]) -> Iterable[str]:
    """Each difference as `kind path`, steps by their id."""
    for part, listed in changes.items():
        for change in listed if isinstance(listed, list) else []:
            yield f"  {change['kind']} {change.get('path') or '/' + part}" + (
                f" ({change['id']})" if "id" in change else ""
            )
