"""References to secrets in any JSON: `{"$secret": "NAME"}` and the text `$secret:NAME`, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from automate.models import ExecutionRun, Workflow, WorkflowVersion

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_PREFIX = "$secret:"
_BARE = frozenset({int, float, bool, type(None)})
_FINAL = ("succeeded", "failed", "cancelled")


def names_in(document: Any) -> set[str]:
    """Every name referred to in `document`; keys are looked at too. The walk is over the whole of it.

    >>> sorted(names_in({"a": [{"$secret": "B"}, "$secret:A"], "b": {"c": {"$secret": "A", "x": 1}}}))
    ['A', 'B']
    """
    found: set[str] = set()
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if type(value) in _BARE:
            continue
        if isinstance(value, str):
            if value.startswith(_PREFIX):
                found.add(value[len(_PREFIX) :])
        elif isinstance(value, (dict, Mapping)):  # a dict is seen at once, another mapping is asked for
            name = value.get("$secret")
            if isinstance(name, str):
                found.add(name)
            waiting.extend(value.values())
            waiting.extend(value)
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
    return found


def places_in(document: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where each name is referred to: the way there from the top, and the name. Slower than `names_in`, for people.

    >>> sorted(places_in({"a": [{"$secret": "B"}, "$secret:A"]}))
    [(('a', 0), 'B'), (('a', 1), 'A')]
    """
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while waiting:
        way, value = waiting.pop()
        if isinstance(value, Mapping):
            name = value.get("$secret")
            if isinstance(name, str):
                yield way, name
            waiting.extend(((*way, str(key)), below) for key, below in value.items())
            waiting.extend((way, key) for key in value)
        elif isinstance(value, (list, tuple)):
            waiting.extend(((*way, place), below) for place, below in enumerate(value))
        elif isinstance(value, str) and value.startswith(_PREFIX):
            yield way, value[len(_PREFIX) :]


def used_by() -> dict[str, list[Workflow]]:
    """Every name that a workflow refers to, with those workflows by slug.

    Looked at are drafts, the versions that run, and those that unfinished runs are pinned to. Of a removed workflow
    only the last count.
    """
    users: dict[str, dict[Any, Workflow]] = {}
    workflows = {workflow.pk: workflow for workflow in Workflow.objects.all()}
    for workflow in workflows.values():
        if workflow.removed_at is None:
            _note(users, names_in(workflow.draft), workflow)
    live = set(Workflow.objects.kept().exclude(active_version=None).values_list("active_version_id", flat=True))
    live |= set(ExecutionRun.objects.exclude(status__in=_FINAL).values_list("version_id", flat=True).distinct())
    for version in WorkflowVersion.objects.filter(pk__in=live):
        if version.workflow_id in workflows:
            _note(users, names_in(_said(version)), workflows[version.workflow_id])
    return {name: sorted(found.values(), key=lambda workflow: workflow.slug) for name, found in users.items()}


def names_in_version(version: WorkflowVersion) -> set[str]:
    """Every name that a published version refers to."""
    return names_in(_said(version))


def _said(version: WorkflowVersion) -> list[Any]:
    """Everything a version says; `options` where this release's table has it."""
    return [version.trigger_spec, version.rule, version.steps, getattr(version, "options", None)]


def _note(users: dict[str, dict[Any, Workflow]], names: Iterable[str], workflow: Workflow) -> None:
    for name in names:
        users.setdefault(name, {})[workflow.pk] = workflow
