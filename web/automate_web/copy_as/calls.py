"""Which requests of the API belong to which page.

A page is named as in the URLconf. Its first request reads what the page shows, the rest are its actions, each only for
members whose role may do it. An action whose input is typed on the page names a file or the values that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Query = Mapping[str, str]
TIME = ("since", "until")


@dataclass(frozen=True)
class Call:
    """One request: `path` below `/api/v1`; `body` is JSON, None where there is none; `cli` the words of a command."""

    label: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    if_match: bool = False  # whichever state it finds
    cli: tuple[str, ...] = ()  # empty: there is no command for it


@dataclass(frozen=True)
class Shape:
    """How a page's request is made: `path` and `cli` hold names of the page's address in braces.

    `filters` are passed on from the page's query string; `given` are parameters of it that the body takes, as they are.
    """

    label: str
    path: str
    cli: str = ""
    filters: tuple[str, ...] = ()
    method: str = "GET"
    body: Any = None
    given: tuple[str, ...] = ()
    if_match: bool = False
    needs: str = ""  # the permission, without its app
    fits: Callable[[Query], bool] = lambda query: True

    def call(self, kwargs: Mapping[str, Any], query: Query) -> Call:
        """The request for the page at this address."""
        asked = [(name, query[name].strip()) for name in self.filters if query.get(name, "").strip()]
        given = {name: query[name] for name in self.given if query.get(name)}
        words = self.cli.format_map(kwargs).split() if self.cli else []
        if words:
            words += [word for name, value in [*asked, *given.items()] for word in (flag(name), value)]
        body = {**(self.body or {}), **given} if self.given else self.body
        return Call(
            self.label, self.method, self.path.format_map(kwargs), tuple(asked), body, self.if_match, tuple(words)
        )


def flag(name: str) -> str:
    """
    >>> flag("trace_id")
    '--trace-id'
    """
    return f"--{name.replace('_', '-')}"


def calls_of(page: str, kwargs: Mapping[str, Any], query: Query, may: Callable[[str], bool]) -> list[Call]:
    """The requests of a page, for a member who `may` do what a permission names; empty where a page has none."""
    return [
        shape.call(kwargs, query)
        for shape in PAGES.get(page, ())
        if shape.fits(query) and (not shape.needs or may(f"automate.{shape.needs}"))
    ]


RUNS = ("status", "workflow", "trace_id", *TIME, "q")
EVENTS = ("status", "type", "source", "trace_id", *TIME, "q")
FAILURES = ("workflow", "step", "code", "status", "fingerprint", *TIME)
WORKFLOWS = ("q", "status", "type", "tag")
AUDIT = ("actor", "action", "resource", "trace_id", *TIME)

RUN = Shape("This run", "/runs/{run_id}", "runs get {run_id}")
RETRY = Shape(
    "Retry it", "/runs/{run_id}/retries", "runs retry {run_id}", method="POST", body={}, given=("from", "version"),
    needs="control_run",
)  # fmt: skip
CANCEL = Shape("Cancel it", "/runs/{run_id}/cancellations", "runs cancel {run_id}", method="POST", needs="control_run")
SETTLE = Shape(
    "Settle a step of it", "/runs/{run_id}/settlements", method="POST", body={"step": "STEP", "verdict": "happened"},
    needs="control_run",
)  # fmt: skip
EVENT = Shape("This event", "/events/{event_id}")
REPLAY = Shape(
    "Replay it", "/events/{event_id}/replays", "events replay {event_id}", method="POST", body={}, needs="replay_event"
)
WORKFLOW = Shape("This workflow", "/workflows/{workflow_id}", "workflows get {workflow_id}")
DEFINITION = Shape(
    "A version's definition", "/workflows/{workflow_id}/versions/{version_num}/definition",
    "workflows export {workflow_id} --version {version_num}",
)  # fmt: skip
PUBLISH = Shape(
    "Publish its draft", "/workflows/{workflow_id}/versions", "workflows publish {workflow_id}", method="POST",
    body={"note": ""}, if_match=True, needs="publish_workflow",
)  # fmt: skip
RUN_NOW = Shape(
    "Run it now", "/workflows/{workflow_id}/runs", method="POST", body={"payload": {}}, needs="run_workflow"
)
STOP = Shape(
    "Stop it (kill switch)", "/workflows/{workflow_id}/halt", method="PUT", body={"is_halted": True, "reason": ""},
    needs="pause_engine",
)  # fmt: skip
GROUPS = Shape("These groups", "/failures/groups", filters=FAILURES)
FAILED_RUNS = Shape("These runs", "/failures", filters=FAILURES)
NAMED = ("workflow", "step", "code", "fingerprint")
REDRIVE = Shape(
    "Redrive them", "/failures/redrives", method="POST", body={"dry_run": True}, given=(*NAMED, "version"),
    needs="control_run", fits=lambda query: any(query.get(name) for name in NAMED),
)  # fmt: skip
DISMISS = Shape(
    "Dismiss them", "/failures/dismissals", method="POST", given=NAMED,
    needs="control_run", fits=lambda query: any(query.get(name) for name in NAMED),
)  # fmt: skip
SCHEDULE = Shape("This schedule", "/schedules/{schedule_id}")
SECRET = Shape("This secret", "/secrets/{secret}")
ROTATE = Shape(
    "Rotate it", "/secrets/{secret}/versions", "secrets rotate {secret}", method="POST", body={"value": "NEW VALUE"},
    needs="manage_secrets",
)  # fmt: skip

PAGES: dict[str, tuple[Shape, ...]] = {
    "home": (Shape("These figures", "/overview", needs="view_run"),),
    "events": (
        Shape(
            "This list",
            "/events",
            "events list",
            filters=EVENTS,
            fits=lambda query: query.get("status") != "rejected",  # refused requests are no events
        ),
    ),
    "event": (EVENT, REPLAY),
    "event-replay": (REPLAY, EVENT),
    "runs": (Shape("This list", "/runs", "runs list", filters=RUNS),),
    "run": (RUN, RETRY, CANCEL),
    "run-retry": (RETRY, RUN),
    "run-cancel": (CANCEL, RUN),
    "run-settle": (SETTLE, RUN),
    "approvals": (Shape("This list", "/approvals"),),
    "failures": (GROUPS, Shape("Events that no worker could match", "/failures/events")),
    "failure-runs": (FAILED_RUNS, REDRIVE, DISMISS),
    "failure-redrive": (REDRIVE, FAILED_RUNS),
    "workflows": (Shape("This list", "/workflows", "workflows list", filters=WORKFLOWS),),
    "workflow": (WORKFLOW, PUBLISH, RUN_NOW, STOP),
    "workflow-versions": (Shape("These versions", "/workflows/{workflow_id}/versions"), PUBLISH),
    "workflow-version": (
        Shape("This version", "/workflows/{workflow_id}/versions/{version_num}"),
        DEFINITION,
    ),
    "workflow-run": (RUN_NOW,),
    "workflow-rule-tests": (Shape("Its test cases", "/workflows/{workflow_id}/rule-tests"),),
    "schedules": (Shape("This list", "/schedules"),),
    "schedule": (
        SCHEDULE,
        Shape("Run it now", "/schedules/{schedule_id}/ticks", method="POST", needs="run_workflow"),
        Shape(
            "Pause it", "/schedules/{schedule_id}", method="PATCH", body={"is_paused": True}, needs="change_schedule"
        ),
    ),
    "connectors": (Shape("This list", "/connectors", "connectors list", filters=("q",)),),
    "imported-api": (Shape("This API", "/connector-apis/{api}"),),
    "connector": (Shape("This connector", "/connectors/{code}"),),
    "secrets": (Shape("This list", "/secrets", "secrets list"),),
    "secret": (SECRET, ROTATE),
    "secret-rotate": (ROTATE,),
    "secret-restore": (Shape("Restore it", "/secrets/{secret}/restorations", method="POST", needs="manage_secrets"),),
    "secret-delete": (Shape("Delete it", "/secrets/{secret}", method="DELETE", needs="manage_secrets"),),
    "endpoints": (Shape("This list", "/webhooks", "webhooks list"),),
    "endpoint": (
        Shape("This webhook", "/webhooks/{endpoint_id}"),
        Shape("Its requests", "/webhooks/{endpoint_id}/requests", filters=("verdict", "code")),
        Shape("Its traffic", "/webhooks/{endpoint_id}/traffic"),
        Shape(
            "Send a test",
            "/webhooks/{endpoint_id}/tests",
            method="POST",
            body={"payload": {}},
            needs="manage_endpoints",
        ),
        Shape(
            "Roll its secret",
            "/webhooks/{endpoint_id}/secrets",
            method="POST",
            body={"overlap_seconds": 3600},
            needs="manage_endpoints",
        ),
        Shape(
            "Pause it", "/webhooks/{endpoint_id}", method="PATCH", body={"is_paused": True}, needs="manage_endpoints"
        ),
    ),
    "endpoint-remove": (
        Shape(
            "Delete it",
            "/webhooks/{endpoint_id}",
            "webhooks delete {endpoint_id}",
            method="DELETE",
            needs="manage_endpoints",
        ),
    ),
    "keys": (Shape("This list", "/keys", "keys list"),),
    "key-roll": (
        Shape("Roll it", "/keys/{key_id}/rolls", "keys roll {key_id}", method="POST", body={}, needs="manage_keys"),
    ),
    "key-revoke": (
        Shape("Revoke it", "/keys/{key_id}/revocations", "keys revoke {key_id}", method="POST", needs="manage_keys"),
    ),
    "team": (
        Shape("The members", "/team/members", "team list"),
        Shape("Open invitations", "/team/invitations"),
        Shape(
            "Invite",
            "/team/invitations",
            "team invite new@example.com --role viewer",
            method="POST",
            body={"emails": ["new@example.com"], "role": "viewer"},
            needs="manage_members",
        ),
    ),
    "member-remove": (
        Shape(
            "Remove this member",
            "/team/members/{member_id}",
            "team remove {member_id}",
            method="DELETE",
            needs="manage_members",
        ),
    ),
    "policies": (Shape("These rules", "/policy"),),
    "llm": (Shape("This day", "/llm/usage", filters=("day",)), Shape("The calls", "/llm/calls", filters=("day",))),
    "halts": (
        Shape("How it stands", "/halt"),
        Shape("Stop everything", "/halt", method="PUT", body={"is_halted": True, "reason": ""}, needs="pause_engine"),
    ),
    "audit": (Shape("This list", "/audit", filters=AUDIT),),
    "usage": (
        Shape("This period", "/usage", "usage", filters=("period",)),
        Shape("Its days", "/usage/days", filters=("period",)),
        Shape("Its alerts", "/usage/alerts", "usage-alerts"),
    ),
    "settings": (Shape("These settings", "/workspace", needs="manage_workspace"),),
}
