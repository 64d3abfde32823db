"""What a first visit of each page costs: every byte that crosses the wire, although the browser keeps what it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

MAX_BYTES = 150_000
MAX_SCRIPT_BYTES = 60_000
PICTURES = "/docs/img/"  # of documents: they come after the words, which can be read meanwhile
_KINDS = {
    "Document",
    "Stylesheet",
    "Script",
    "Font",
    "Image",
}  # of the visit itself; streams and later questions are not


@dataclass(frozen=True)
class Weight:
    """Bytes as they were sent: compressed, with headers."""

    total: int
    scripts: int


class Scales:
    """Weighs the pages that `page` visits. A file sent once counts for every page that asks for it."""

    def __init__(self, page: Page):
        self._sent: dict[str, int] = {}  # by URL, when it first crossed the wire
        self._visit: dict[str, tuple[str, str]] = {}  # of this page, by request: URL, kind
        wire: Any = page.context.new_cdp_session(page)
        wire.on("Network.responseReceived", self._answered)
        wire.on("Network.loadingFinished", self._finished)
        wire.send("Network.enable")

    def empty(self) -> None:
        """Before a visit."""
        self._visit.clear()

    def read(self) -> Weight:
        """What the page of this visit asked for, each file once."""
        asked = {url: kind for url, kind in self._visit.values() if kind in _KINDS and PICTURES not in url}
        sizes = {url: self._sent.get(url, 0) for url in asked}
        return Weight(sum(sizes.values()), sum(size for url, size in sizes.items() if asked[url] == "Script"))

    def kinds(self) -> set[str]:
        return {kind for _, kind in self._visit.values()}

    def _answered(self, told: dict[str, Any]) -> None:
        self._visit[told["requestId"]] = (told["response"]["url"], told["type"])

    def _finished(self, told: dict[str, Any]) -> None:
        url, _ = self._visit.get(told["requestId"], ("", ""))
        self._sent[url] = max(self._sent.get(url, 0), int(told["encodedDataLength"]))
