"""The reference of connectors, written from what they declare: `python -m automate_connectors.reference` prints it.

The page in the documentation is this text; a test holds the two together.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec

_HEAD = """# Connector reference
For authors of workflows; a reference. Every action of the built-in connectors, written from what they declare. How
repeats, limits and addresses work is on the page [Connectors](connectors.md).

A field marked *secret* takes a reference, `{"$secret": "NAME"}`, never the value itself.
"""
_REPEATS = {
    "native": "a repeat does no more than the first",
    "check": "a repeat looks first whether it was done",
    "none": "never repeated on suspicion: a doubtful attempt is held as *unknown*",
}


def page(codes: tuple[str, ...]) -> str:
    """The whole page, in the order of `codes`."""
    return "\n".join([_HEAD, *(section(registry.get(code)) for code in codes)])


def section(adapter: ConnectorAdapter) -> str:
    """One connector as Markdown."""
    parts = [f"## {adapter.name} (`{adapter.code}`)", adapter.description]
    for action, spec in adapter.actions.items():
        parts += [f"### `{adapter.code}` / `{action}`", spec.description, effect_in_words(spec)]
        parts += [_inputs(spec), _outputs(spec)]
    return "\n\n".join(part for part in parts if part) + "\n"


def effect_in_words(spec: ActionSpec) -> str:
    """What the action does to the other side, and what a repeat of it would do."""
    if spec.effect == "read":
        return "Reads only; may be repeated."
    what = "Cannot be undone" if spec.effect == "irreversible" else "Changes something"
    if spec.repeatable is not None:
        return f"{what}; whether a repeat is safe depends on the call."
    window = f" for {spec.native_window_seconds // 3600} h" if spec.native_window_seconds else ""
    return f"{what}; {_REPEATS[spec.idempotency]}{window}."


def _inputs(spec: ActionSpec) -> str:
    rows = ["| parameter | type | meaning |", "|---|---|---|"]
    for name, field in spec.inputs.items():
        marks = [mark for mark in ("required", "secret") if field.get(mark) is True]
        shown = f"{type_name(field)}{', ' if marks else ''}{', '.join(f'*{mark}*' for mark in marks)}"
        rows.append(f"| `{name}` | {shown} | {meaning(field)} |")
    return "\n".join(rows) if spec.inputs else ""


def _outputs(spec: ActionSpec) -> str:
    names = ", ".join(f"`{name}`" for name in spec.outputs)
    return f"Answers with {names}." if names else ""


def type_name(field: Mapping[str, Any]) -> str:
    """An input's JSON type, or its types.

    >>> type_name({"type": ["array", "string"]}), type_name({})
    ('array or string', 'any')
    """
    kind = field.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def meaning(field: Mapping[str, Any]) -> str:
    """What an input is for, with what it may be and what it is where nothing is said."""
    words = [f"{field.get('title', '')}."]
    if "description" in field:
        words.append(str(field["description"]))
    if "enum" in field:
        words.append("One of " + ", ".join(f"`{item}`" for item in field["enum"]) + ".")
    if "default" in field:
        words.append(f"Default `{field['default']}`.")
    if "properties" in field:
        words.append("Fields: " + ", ".join(f"`{name}`" for name in field["properties"]) + ".")
    return " ".join(words).replace("|", "\\|")


BUILT_IN = ("core", "http", "email", "github", "postgres", "s3", "slack", "stripe")

if __name__ == "__main__":
    sys.stdout.write(page(BUILT_IN))
