"""What a key may do: one scope for each method of each resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from automate.ingest.refusal import ForbiddenScope, MissingApiKey
from automate_governance.errors import PermissionDenied
from automate_web.api.authentication import Caller

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module, by way of the settings


ANY_SCOPE = ""  # every key may


class LiveKeyNeeded(PermissionDenied):
    """A test key touches no data of its workspace."""

    code = "test_key"


class HasScope(BasePermission):
    """Whether the key holds the scope that the view's `scopes` names for this method.

    A view without `scopes` is refused, so that forgetting them opens nothing.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.user
        if not isinstance(caller, Caller):
            raise MissingApiKey("Send an API key: `Authorization: Bearer am_live_...`.")
        scopes: Mapping[str, str] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in view.allowed_methods:
            return True  # refused as 405 by the view itself
        needed = scopes.get(method)
        if needed is None:
            return False
        if caller.is_test and method not in getattr(view, "for_tests", ()):
            demand_live(caller, "This")
        if needed != ANY_SCOPE:
            demand_scope(caller, needed, f"This key needs the scope {needed}.")
        return True


def demand_live(caller: Caller, what: str) -> None:
    """Raise LiveKeyNeeded if the caller's key is a test key; `what` begins the sentence."""
    if caller.is_test:
        raise LiveKeyNeeded(f"{what} touches data of the workspace, and a test key does not. Use a live key.")


def demand_scope(caller: Caller, needed: str, message: str) -> None:
    """Raise ForbiddenScope with `message` unless the caller's key has the scope."""
    if needed not in caller.scopes:
        raise ForbiddenScope(message, details={"needed": needed, "scopes": sorted(caller.scopes)})
