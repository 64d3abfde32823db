"""Filters of lists kept under a name: who sees them, who may change them. Nothing that runs depends on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from automate.models import SavedView
from automate.services import audit
from automate_governance.errors import Conflict, Invalid, NotFound, PermissionDenied

MOST = 50  # of one owner, of one list


def views_of(owner: str, *, page: str = "") -> QuerySet[SavedView]:
    """Those that this actor sees, of one list or of all: their own, then what others share, each by name."""
    seen = SavedView.objects.filter(Q(owner=owner) | Q(is_shared=True))
    seen = seen.filter(page=page) if page else seen
    return seen.annotate(is_own=Q(owner=owner)).order_by("-is_own", "name", "pk")


@transaction.atomic
def save_view(
    *, page: str, name: str, query: str, owner: str, now: datetime, is_shared: bool = False, is_default: bool = False
) -> SavedView:
    """Keep `query` (a query string) under `name`. Raises Invalid; Conflict where the owner has that name already."""
    name = _named(name)
    if SavedView.objects.filter(owner=owner, page=page).count() >= MOST:
        raise Invalid(f"At most {MOST} views of one list: delete one first.", details={"param": "name"})
    view = SavedView(page=page, name=name, query=query, owner=owner, created_at=now, updated_at=now)
    view.is_shared, view.is_default = is_shared, is_default
    _store(view)
    _record(view, "view.create", owner, now, name=name, page=page, query=query, is_shared=is_shared)
    return view


@transaction.atomic
def change_view(*, view_id: int, actor: str, now: datetime, manages: bool = False, **changes: Any) -> SavedView:
    """Give a view another `name` or `query`, share it or not (`is_shared`), make it the default or not (`is_default`).

    Only its owner may, and of a shared one whoever `manages` the workspace. Raises NotFound, PermissionDenied, Invalid,
    Conflict.
    """
    view = _own(view_id, actor, manages)
    if "name" in changes:
        changes["name"] = _named(changes["name"])
    before = {name: getattr(view, name) for name in changes}
    changed = {name: value for name, value in changes.items() if before[name] != value}
    if not changed:
        return view
    for name, value in changed.items():
        setattr(view, name, value)
    view.updated_at = now
    _store(view)
    told = {name: before[name] for name in changed}
    _record(view, "view.update", actor, now, before=told, after=changed)
    return view


@transaction.atomic
def remove_view(*, view_id: int, actor: str, now: datetime, manages: bool = False) -> SavedView:
    """Forget a view. Raises NotFound, PermissionDenied."""
    view = _own(view_id, actor, manages)
    _record(view, "view.delete", actor, now, name=view.name, page=view.page, query=view.query)
    view.delete()
    return view


def _own(view_id: int, actor: str, manages: bool) -> SavedView:
    """Locked. What the actor cannot see does not exist for them."""
    view = SavedView.objects.select_for_update().filter(pk=view_id).first()
    if view is None or not (view.owner == actor or view.is_shared):
        raise NotFound("There is no such view.", details={"id": str(view_id)})
    if view.owner != actor and not manages:
        raise PermissionDenied("Only whoever saved this view may change it.")
    return view


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise Invalid("Give the view a name of 1 to 60 characters.", details={"param": "name"})
    return name


def _store(view: SavedView) -> None:
    """Of an owner's views of a list one is the default. Raises Conflict."""
    if view.is_default:
        SavedView.objects.filter(owner=view.owner, page=view.page).exclude(pk=view.pk).update(is_default=False)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict(f"There is a view “{view.name}” already.", details={"param": "name"}) from error


def _record(view: SavedView, action: str, actor: str, now: datetime, **details: Any) -> None:
    audit.record(actor=actor, action=action, resource=f"view:{view.pk}", details=details, now=now)
