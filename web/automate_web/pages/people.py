"""Actors as people know them: `user:12` becomes an e-mail address; a key or the system keeps its own name."""

from __future__ import annotations

from django.contrib.auth import get_user_model


def person(actor: str) -> str:
    """How a page names the actor of a change."""
    kind, _, number = actor.partition(":")
    if kind != "user" or not number.isdigit():
        return actor
    user = get_user_model().objects.filter(pk=int(number)).first()
    return user.email if user else "someone who has left"
