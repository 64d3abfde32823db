"""Examples of members and invitations."""

from __future__ import annotations

from typing import Any

_MEMBER = {
    "id": "31",
    "person": "user:12",
    "email": "ada@example.com",
    "role": "builder",
    "has_second_factor": True,
    "created_at": "2026-11-21T08:30:00Z",
    "latest_seen_at": "2026-11-22T08:30:00Z",
}
_INVITATION = {
    "id": "8",
    "email": "bob@example.com",
    "role": "operator",
    "invited_by": "user:12",
    "created_at": "2026-11-21T08:30:00Z",
    "expires_at": "2026-11-28T08:30:00Z",
    "letter_failed_at": None,
    "revoked_at": None,
}
_NAMED = (
    "The key acts in the name of the person who made it, who must be an Owner or Admin still. It neither makes, "
    "changes nor removes an Owner; that is done in the portal. A key that was made by another key manages no members."
)


def team_examples(page: Any) -> dict[str, dict[str, Any]]:
    """By operation id. `page` makes a list's envelope."""
    return {
        "team_members_list": {"answer": page("team/members", _MEMBER)},
        "team_members_get": {"answer": _MEMBER},
        "team_members_change": {"body": {"role": "builder"}, "answer": _MEMBER, "description": _NAMED},
        "team_members_delete": {
            "answer": {"id": "31", "deleted": True},
            "description": f"{_NAMED} API keys of that person work on: roll those whose text they may know.",
        },
        "team_invitations_list": {
            "answer": page("team/invitations", _INVITATION),
            "description": "Neither accepted nor revoked; expired ones are among them, to be sent again.",
        },
        "team_invitations_get": {"answer": _INVITATION},
        "team_invitations_create": {
            "body": {"emails": ["bob@example.com"], "role": "operator"},
            "answer": {"results": [_INVITATION]},
            "description": f"{_NAMED} Who is invited already gets a new link and this role. The letters go out after "
            "everything is stored; `letter_failed_at`, read again, tells of one that the mail server did not take.",
        },
        "team_invitation_letters_create": {
            "answer": _INVITATION,
            "description": "A new link for seven days; the one before stops working. At most 5 letters a day.",
        },
        "team_invitation_revocations_create": {"answer": {**_INVITATION, "revoked_at": "2026-11-22T08:30:00Z"}},
    }
