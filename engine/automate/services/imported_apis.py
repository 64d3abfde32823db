"""APIs imported from OpenAPI documents: made, searched, removed. Steps that were copied from one stay as they are."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from automate.models import ImportedApi
from automate.services import audit
from automate_connectors.http import openapi
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_governance.storable import MAX_BYTES, storable

MOST = 50


def imported_apis() -> QuerySet[ImportedApi]:
    """By name."""
    return ImportedApi.objects.order_by("name", "pk")


def imported_api(slug: str) -> ImportedApi:
    """Raises NotFound."""
    found = ImportedApi.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such imported API.", details={"api": slug})
    return found


def matching(api: ImportedApi, text: str) -> list[dict[str, Any]]:
    """The operations whose name, path, method, tags or description have every word of `text`."""
    words = text.casefold().split()

    def has_all(operation: dict[str, Any]) -> bool:
        told = [operation[name] for name in ("code", "name", "method", "path", "description")]
        said = " ".join([*told, *operation["tags"]]).casefold()
        return all(word in said for word in words)

    return [operation for operation in api.operations if has_all(operation)]


@transaction.atomic
def import_api(*, document: Any, actor: str, now: datetime, name: str = "", server: str = "") -> ImportedApi:
    """Read a document (plain data) and keep its operations under a name, by default its title.

    Raises Invalid; Conflict where the name is taken.
    """
    name = " ".join(name.split())
    read = openapi.read(document, name=name, server=server.strip())
    name = (name or read.title)[:80]
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    if not slug:
        raise Invalid("Give the API a name with letters or digits.", details={"param": "name"})
    if ImportedApi.objects.count() >= MOST:
        raise Invalid(f"At most {MOST} APIs are kept: remove one first.", details={"param": "name"})
    operations = [operation.as_json() for operation in read.operations]
    if len(json.dumps(operations, ensure_ascii=False, default=str).encode("utf-8", "replace")) > MAX_BYTES:
        raise Invalid("Its operations are too large together; import a part of the document.")
    kept: dict[str, Any] = {"title": read.title, "version": read.version, "server": read.server[:500]}
    try:
        with transaction.atomic():
            made = ImportedApi.objects.create(
                slug=slug, name=name, operations=storable(operations), created_at=now, created_by=actor[:200], **kept
            )
    except IntegrityError as error:
        words = f'There is an imported API "{slug}" already: remove it first, or choose another name.'
        raise Conflict(words, details={"param": "name", "api": slug}) from error
    _record(made, "api.import", actor, now, operations=len(operations), **kept)
    return made


@transaction.atomic
def remove_api(*, slug: str, actor: str, now: datetime) -> None:
    """Forget it; workflows keep the steps that were made of it. Raises NotFound."""
    found = imported_api(slug)
    _record(found, "api.remove", actor, now, operations=len(found.operations))
    found.delete()


def _record(api: ImportedApi, action: str, actor: str, now: datetime, **details: Any) -> None:
    audit.record(actor=actor, action=action, resource=f"api:{api.slug}", details={"name": api.name, **details}, now=now)
