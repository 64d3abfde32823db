"""Events as they come: each once and none left out, whatever happens to the connection."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from automate_client.api import Api
from automate_client.stream import changes

PAGE = 200


class Feed:
    """The feed from where `options` say on. `cursor` is behind the last page whose events were all handed out."""

    def __init__(self, api: Api, options: argparse.Namespace):
        self._api = api
        self._filters = {"type": options.type, "source": options.source}
        self.cursor: str = options.cursor or ""
        self._since = options.since
        if not (self.cursor or self._since):
            self.cursor = self._read(limit=1)["cursor"]  # from now on

    def events(self) -> Iterator[dict[str, Any]]:
        """For ever."""
        for _ in changes(self._api):
            has_more = True
            while has_more:
                page = self._read(limit=PAGE, since=None if self.cursor else self._since)
                yield from page["results"]
                self.cursor, has_more = page["cursor"], page["has_more"] and bool(page["results"])

    def _read(self, **query: Any) -> Any:
        return self._api.get("/events/feed", cursor=self.cursor or None, **query, **self._filters)
