"""Actors as people know them: `user:12` becomes an e-mail address; a key or the system keeps its own name."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User


def person(actor: str) -> str:
    """How a page names the actor of a change."""
    return people([actor])[actor]


def people(actors: Iterable[str]) -> dict[str, str]:
    """The same of several; one query at most."""
    numbers = {actor: _number(actor) for actor in actors}
    wanted = {number for number in numbers.values() if number is not None}
    users = User.objects.in_bulk(wanted) if wanted else {}
    return {actor: actor if number is None else _name(users.get(number)) for actor, number in numbers.items()}


def _number(actor: str) -> int | None:
    kind, _, number = actor.partition(":")
    return int(number) if kind == "user" and number.isdigit() else None


def _name(user: User | None) -> str:
    return user.email if user else "someone who has left"
