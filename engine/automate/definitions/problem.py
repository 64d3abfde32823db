"""One problem of a definition, and where it is. Imports nothing, so that every checker may use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """What is wrong at `path`, an RFC 6901 JSON pointer into the checked document ("" is the whole of it).

    `code` is stable; `message` is for people and says what to do. An "error" keeps the definition from being published,
    a "warning" does not.
    """

    path: str
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def below(self, path: str) -> Problem:
        """The same problem seen from a document that holds the checked one at `path`."""
        return Problem(path + self.path, self.code, self.message, self.severity)

    def as_dict(self) -> dict[str, str]:
        return {"path": self.path, "code": self.code, "message": self.message}


def pointer(*parts: str | int) -> str:
    """An RFC 6901 pointer.

    >>> pointer("steps", 0, "a/b")
    '/steps/0/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean "x"?' with the nearest known name, or "".

    >>> did_you_mean("htp", ["http", "core"])
    ' Did you mean "http"?'
    """
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""
