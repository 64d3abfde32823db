"""`automate team …`: members and invitations, in the name of the person who made the key."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import quote

from automate_client.api import Api
from automate_client.failures import NOT_FOUND, CommandFailed
from automate_client.parser import filters_of
from automate_client.talk import confirm, show, show_page

MEMBERS = {"id": "id", "e-mail": "email", "role": "role", "2nd factor": "has_second_factor", "seen": "latest_seen_at"}
INVITED = {"id": "id", "e-mail": "email", "role": "role", "until": "expires_at", "letter failed": "letter_failed_at"}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/team/members", **filters_of(options)), MEMBERS)


def invitations(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/team/invitations", **filters_of(options)), INVITED)


def invite(options: argparse.Namespace) -> None:
    confirm(options, f"Mail {', '.join(options.email)} an invitation as {options.role}?")
    body = {"emails": options.email, "role": options.role}
    made = Api(options).change("POST", "/team/invitations", body)
    lines = [f"{one['email']}: invited as {one['role']}" for one in made["results"]]
    show(options, made, lines or ["All of them are members already."])


def role(options: argparse.Namespace) -> None:
    api = Api(options)
    member = _member(api, options.member)
    confirm(options, f"Make {member['email']} ({member['role']}) {options.role}?")
    changed = api.change("PATCH", _path(member), {"role": options.role})
    show(options, changed, [f"{changed['email']}: {changed['role']}"])


def remove(options: argparse.Namespace) -> None:
    api = Api(options)
    member = _member(api, options.member)
    confirm(options, f"Remove {member['email']} ({member['role']}) from the workspace?")
    show(options, api.change("DELETE", _path(member)), [f"{member['email']}: removed"])


def _member(api: Api, text: str) -> Any:
    """The member with this id or e-mail address. Raises Refused, CommandFailed."""
    if "@" not in text:
        return api.get(_path({"id": text}))
    for member in api.pages("/team/members"):
        if member["email"].lower() == text.lower():
            return member
    raise CommandFailed(f"{text} is no member. See: automate team list", NOT_FOUND)


def _path(member: Any) -> str:
    return f"/team/members/{quote(str(member['id']), safe='')}"
