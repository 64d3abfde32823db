"""What can be typed: one parser for all commands, with an example for each, and a guess for what was mistyped."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

_CHOICES = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of examples and offers `--json` where there is data.

    `asks`: the command talks to the API, so it takes the flags that all such commands share.
    """

    def __init__(self, *, example: str = "", has_data: bool = False, asks: bool = False, **kwargs: Any) -> None:
        kwargs["epilog"] = f"example:\n  {example}" if example else None
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        kwargs.setdefault("allow_abbrev", False)  # a flag that is added later must not change what a script means
        super().__init__(**kwargs)
        if has_data or asks:
            self.add_argument("--json", action="store_true", help="print the data as one JSON document")
        if asks:
            _shared(self)

    def error(self, message: str) -> NoReturn:
        """Exit code 2, with the nearest word where a command or a flag was mistyped."""
        known = [flag for action in self._actions for flag in action.option_strings]
        typed = ""
        if found := _CHOICES.search(message):
            typed, known = found[1], re.findall(r"[\w.:-]+", found[2])
        elif message.startswith("unrecognized arguments: "):
            typed = message.removeprefix("unrecognized arguments: ").split()[0].partition("=")[0]
        near = difflib.get_close_matches(typed, known, n=1, cutoff=0.5) if typed else []
        super().error(f"{message}. Did you mean {near[0]}?" if near else message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but an unknown flag is the error of its command, where the flags are known."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest


def _shared(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for every command")
    group.add_argument("--workspace", metavar="SLUG", default="", help="only if the key is of this workspace")
    group.add_argument("--profile", metavar="NAME", default="", help="which log-in; also DJANGO_AUTOMATE_PROFILE")
    group.add_argument("--url", default="", help="of the API, instead of the profile's; also DJANGO_AUTOMATE_URL")
    group.add_argument("--yes", action="store_true", help="do not ask")
    group.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    group.add_argument("--no-input", action="store_true", help="never wait for a person")
    group.add_argument("--quiet", action="store_true", help="no talk, only data and errors")


LIST_FLAGS = {
    "status": "in this state; several with commas",
    "workflow": "of this workflow: its id or slug",
    "type": "of exactly this event type",
    "source": "of exactly this source, such as webhook:default",
    "trace_id": "of this trace",
    "since": "from this time on: ISO 8601, or 15m, 24h, 7d",
    "until": "before this time",
    "q": "with this text in it",
    "tag": "with this tag",
}


def add_list_flags(parser: argparse.ArgumentParser, *names: str, ordered_by: Sequence[str] = ()) -> None:
    """The filters of a list under the names that the API gives them, its pages and its orders beside that of ids."""
    orders = [order for name in ("id", *ordered_by) for order in (f"-{name}", name)]
    for name in names:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=name.upper(), help=LIST_FLAGS[name])
    parser.add_argument("--cursor", help="the page that an earlier answer named")
    parser.add_argument("--limit", type=int, help="results on one page, at most 200 (50)")
    parser.add_argument("--ordering", choices=orders, help="newest first (-id) or oldest first (id)")
    parser.set_defaults(filters=(*names, "cursor", "limit", "ordering"))


def filters_of(options: argparse.Namespace) -> dict[str, Any]:
    """The list's query, as typed."""
    return {name: getattr(options, name) for name in options.filters}
