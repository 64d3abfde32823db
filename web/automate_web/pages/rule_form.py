"""What stands in the form of the Rule Tester: a payload as typed, or a past event while its text is unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from automate.definitions import jsontext
from automate.definitions.rule_tests import parse_tests
from automate.models import Event, Workflow
from automate.services.masked_events import masked_for
from automate_governance.redaction import redact
from automate_web.pages.payload import PAGE_CHARACTERS
from automate_web.requests import WorkspaceRequest, demand


@dataclass(frozen=True)
class Asked:
    """What stands in the form. `event` is set while the text is still that event's, which is then read as it came."""

    version: str = "draft"
    event: Event | None = None
    chosen: str = ""  # of the list of events; the text may have been changed since
    text: str = "{}"
    type: str = ""
    source: str = ""
    payload: Any = field(default_factory=dict)
    problem: str = ""

    @property
    def outside(self) -> dict[str, str]:
        """The event around a typed payload, as far as something else than the trigger's is wanted."""
        return {name: value for name, value in (("type", self.type), ("source", self.source)) if value}


def from_address(request: WorkspaceRequest, workflow: Workflow) -> Asked:
    """`?event=` an id, `?case=` a number from 1; `?version=` of either."""
    version, number = request.GET.get("version", "draft"), request.GET.get("case", "")
    if request.GET.get("event"):
        return _of_event(request, request.GET["event"], version)
    for case in parse_tests(workflow.draft):
        if str(case.position + 1) == number:
            text = json.dumps(case.payload, indent=2, ensure_ascii=False)
            outside = case.event
            return Asked(
                version=version,
                text=text,
                payload=case.payload,
                type=outside.get("type", ""),
                source=outside.get("source", ""),
            )
    return Asked(version=version)


def from_form(request: WorkspaceRequest) -> Asked:
    said = request.POST
    version, chosen = said.get("version", "draft"), said.get("event", "")
    if chosen and chosen != said.get("shown"):
        return _of_event(request, chosen, version)
    text = said.get("payload", "").replace("\r\n", "\n")
    type_, source = (said.get(name, "").strip()[:200] for name in ("type", "source"))
    try:
        payload = jsontext.parse(text or "{}")
    except jsontext.NotJson as error:
        problem = f"Not JSON: {error} (line {error.line}, column {error.column})."
        return Asked(version=version, chosen=chosen, text=text, type=type_, source=source, problem=problem)
    event = _event(request, chosen) if chosen else None
    if event is not None and (type_, source, payload) != (event.type, event.source, as_shown(event)):
        event = None
    return Asked(version=version, event=event, chosen=chosen, text=text, type=type_, source=source, payload=payload)


def _of_event(request: WorkspaceRequest, chosen: str, version: str) -> Asked:
    event = _event(request, chosen)
    if event is None:
        return Asked(version=version, problem="There is no such event.")
    text = json.dumps(as_shown(event), indent=2, ensure_ascii=False)
    if len(text) > PAGE_CHARACTERS:
        return Asked(version=version, problem="This event is too large to be shown here.")
    return Asked(version=version, event=event, chosen=str(event.pk), text=text, type=event.type, source=event.source)


def as_shown(event: Event) -> Any:
    """Its payload, redacted as on its page."""
    with masked_for(event):
        return redact(event.payload)


def _event(request: WorkspaceRequest, text: str) -> Event | None:
    demand(request, "automate.view_event")
    try:
        return Event.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None
