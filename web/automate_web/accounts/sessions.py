"""Sessions of a person: one on the app's host for each browser, and those of workspaces that it opened from there.

Every log-in makes a row (allauth.usersessions). A hand-over carries a signed word of which session asked
for it, so the workspace's session knows what it came from: ending a browser ends all of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.http import HttpRequest

_SALT = "automate.session"
_WORD_SECONDS = 120  # from the ticket's issue to the arrival
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Browser:
    """One log-in on the app's host, with the workspaces entered from it (their slugs)."""

    session: UserSession
    workspaces: list[str]
    is_current: bool

    @property
    def name(self) -> str:
        return describe(self.session.user_agent)


@receiver(user_logged_in)
def _note(request: HttpRequest, **kwargs: object) -> None:
    """allauth notes its own log-ins; this one notes those of hand-overs and invitations, too."""
    if hasattr(request, "user"):  # a log-in without a visitor has nothing to list
        UserSession.objects.create_from_request(request)


def word_of(request: HttpRequest) -> str:
    """A signed word of which session this is, for the host that is handed over to; "" when it is not listed."""
    found = UserSession.objects.filter(session_key=request.session.session_key or "").first()
    return signing.dumps(found.pk, salt=_SALT) if found else ""


def note_opened_here(request: HttpRequest, slug: str, word: str) -> None:
    """Keep with the workspace's session, made just now, which session it came from."""
    try:
        opened_by = signing.loads(word, salt=_SALT, max_age=_WORD_SECONDS)
    except signing.BadSignature:
        opened_by = None
    data = {"workspace": slug, "opened_by": opened_by}
    UserSession.objects.filter(session_key=request.session.session_key).update(data=data)


def browsers(user: User, session_key: str | None) -> list[Browser]:
    """Where the person is logged in: this browser first, then the latest log-in. Sessions that ended are swept."""
    living = UserSession.objects.purge_and_list(user)
    opened: dict[int, set[str]] = defaultdict(set)
    for one in living:
        if parent := one.data.get("opened_by"):
            opened[parent].add(one.data["workspace"])
    ids = {one.pk for one in living}
    found = [
        Browser(one, sorted(opened[one.pk]), one.session_key == session_key)
        for one in living
        if one.data.get("opened_by") not in ids  # what it was opened by has ended: it stands for itself
    ]
    return sorted(found, key=lambda browser: (not browser.is_current, -browser.session.created_at.timestamp()))


def end(user: User, ids: set[int]) -> int:
    """End these sessions of the person and what was opened from them; how many browsers that were."""
    mine = list(UserSession.objects.filter(user=user))
    chosen = [one for one in mine if one.pk in ids]
    for one in mine:
        if one.pk in ids or one.data.get("opened_by") in ids:
            one.end()
    return len(chosen)


def describe(user_agent: str) -> str:
    """
    >>> describe("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox on Linux'
    >>> describe("curl/8.1")
    'curl/8.1'
    >>> describe("")
    'Unknown browser'
    """
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    return user_agent[:40] or "Unknown browser"
