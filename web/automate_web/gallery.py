"""Templates of whole workflows: files beside this module, read when asked for. A template makes drafts, nothing runs.

A file holds the definition, those it needs beside it (`companions`), a payload to try it with, the secrets it refers to
with a word on each, and the places (`fill`) at which everybody writes something of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.db import transaction

from automate.models import Workflow
from automate.services import create_workflow
from automate_governance.errors import NotFound

_FOLDER = Path(__file__).with_name("workflow_templates")


@dataclass(frozen=True)
class Place:
    """A JSON pointer into the definition, and what belongs there."""

    path: str
    what: str


@dataclass(frozen=True)
class Template:
    """One template; `slug` names it, and its first workflow. `secrets`: name → what it is and what it may do."""

    slug: str
    name: str
    category: str
    summary: str
    description: str
    secrets: Mapping[str, str]
    fill: tuple[Place, ...]
    _content: str  # definition, companions and sample as JSON: each caller gets its own

    @property
    def definition(self) -> dict[str, Any]:
        return dict(json.loads(self._content)["definition"])

    @property
    def companions(self) -> list[dict[str, Any]]:
        return list(json.loads(self._content)["companions"])

    @property
    def sample(self) -> Any:
        return json.loads(self._content)["sample"]


def find(slug: str) -> Template:
    """Raises NotFound."""
    if slug not in templates():
        raise NotFound("There is no such template.", details={"template": slug[:100]})
    return templates()[slug]


def fits(template: Template, text: str, category: str) -> bool:
    """Whether a search for `text` within `category` finds it; empty ones find everything."""
    words = f"{template.name} {template.summary} {template.description} {' '.join(template.secrets)}".lower()
    return category in ("", template.category) and text.lower() in words


@cache
def templates() -> Mapping[str, Template]:
    """Every template by its slug, in the order of the gallery. Part of this release: the same for every workspace."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.json")]
    return MappingProxyType({one["definition"]["slug"]: _template(one) for one in sorted(read, key=_place)})


@transaction.atomic
def make(template: Template, *, actor: str, now: datetime) -> Workflow:
    """The template's workflows as drafts, under the first free names; the first of them is returned.

    A companion that is there already, such as from the same template, is used as it is. Raises SecretNotAllowed.
    """
    for companion in template.companions:
        if not Workflow.objects.kept().filter(slug=companion["slug"]).exists():
            create_workflow(definition=_free(companion), actor=actor, now=now)
    return create_workflow(definition=_free(template.definition), actor=actor, now=now)


def _free(definition: dict[str, Any]) -> dict[str, Any]:
    """With the first slug that nobody has: `order-to-slack`, `order-to-slack-2`."""
    slug, name = definition["slug"], definition["name"]
    taken = set(Workflow.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    if slug not in taken:
        return definition
    number = 2
    while f"{slug}-{number}" in taken:
        number += 1
    return {**definition, "slug": f"{slug}-{number}", "name": f"{name} {number}"}


def _template(file: dict[str, Any]) -> Template:
    definition = file["definition"]
    return Template(
        slug=definition["slug"],
        name=definition["name"],
        category=file["category"],
        summary=file["summary"],
        description=file["description"],
        secrets=MappingProxyType(file["secrets"]),
        fill=tuple(Place(**place) for place in file["fill"]),
        _content=json.dumps({part: file[part] for part in ("definition", "companions", "sample")}),
    )


def _place(file: dict[str, Any]) -> int:
    return int(file["place"])
