"""One URL of the product, who may do what there, and how it is called with the ids of planted objects.

`where`: `app` exists only outside of workspaces, `both` anywhere and shows nothing of a workspace, `workspace` only
inside one and for its members, `api` for keys, `ticket` inside one for whoever holds a ticket.
`needs`: for each method, the permission (without `automate.`) that a member's role must hold; of the API, the scope.
`shows`: a member who may GET it sees a canary there; without this, looking for canaries would prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPENAPI = (  # the least that can be imported
    '{"openapi": "3.1.0", "info": {"title": "made"}, "servers": [{"url": "https://a.example"}], '
    '"paths": {"/": {"get": {}}}}'
)


@dataclass(frozen=True)
class Route:
    pattern: str  # as the URLconf has it
    where: str
    needs: Mapping[str, str] = field(default_factory=dict)
    shows: bool = False
    body: Mapping[str, str] = field(default_factory=dict)  # of a POST that would change something
    of_member: bool = False  # what its address names is one member's own: to another of any role it is not there
    of_release: bool = False  # what its address names is part of this release, and the same in every workspace

    def names_an_object(self, ids: Mapping[str, Any]) -> bool:
        """Whether its address holds the id of something that belongs to one workspace."""
        return address(self, ids) != f"/{self.pattern}" and not self.of_release


def address(route: Route, ids: Mapping[str, Any]) -> str:
    """The path of the route with these objects' ids in it, starting with `/`."""
    path = route.pattern
    if path.startswith("^"):
        path = {
            "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "password/reset/key/1-set-password/",
            r"^confirm-email/(?P<key>[-:\w]+)/$": "confirm-email/abc/",
            "^api(?:/(?P<path>.*))?$": "api/v2/events",
        }[path]
    for name, value in ids.items():
        for converter in ("uuid", "int", "str", "slug", "path"):
            path = path.replace(f"<{converter}:{name}>", str(value))
    assert "<" not in path, f"{path}: say in the matrix which object is meant"
    return f"/{path}"
