"""What a step needs of an OpenAPI document's schemas: references inside the document, and a body to start from.

Nothing outside the document is ever fetched. Depth and size are bounded, so that a document that refers to itself, or
unfolds into millions of fields, costs no more than another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MAX_DEPTH = 8
MAX_FIELDS = 200  # of one body
_MAX_HOPS = 20  # references in a row


class Document:
    """A document that was read, by its references."""

    def __init__(self, root: Mapping[str, Any]):
        self.root = root

    def resolved(self, value: Any) -> dict[str, Any]:
        """`value`, or what its `$ref` leads to inside the document; {} where that is nothing, or elsewhere.

        >>> Document({"a": {"b/c": {"type": "string"}}}).resolved({"$ref": "#/a/b~1c"})
        {'type': 'string'}
        """
        for _ in range(_MAX_HOPS):
            if not isinstance(value, Mapping):
                return {}
            reference = value.get("$ref")
            if reference is None:
                return dict(value)
            value = self._at(reference)
        return {}

    def _at(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        found: Any = self.root
        for part in reference[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping):
                found = found.get(name)
            elif isinstance(found, list) and name.isascii() and name.isdigit() and len(name) < 6:
                found = found[int(name)] if int(name) < len(found) else None
            else:
                return None
        return found


def body_of(document: Document, media: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """A body to start from: the document's example, or a template for each field; and the optional ones left out."""
    examples = media.get("examples")
    first = next(iter(examples.values()), None) if isinstance(examples, Mapping) else None
    for example in (media.get("example"), document.resolved(first).get("value")):
        if example is not None and is_plain(example):
            return example, []
    skeleton = _Skeleton(document)
    return skeleton.of(media.get("schema"), "payload", MAX_DEPTH), skeleton.left_out


def is_plain(example: Any) -> bool:
    """Whether an example is data and nothing that a step would act upon: no template, no reference to a secret."""
    waiting, seen = [example], 0
    while waiting:
        value, seen = waiting.pop(), seen + 1
        if seen > MAX_FIELDS * 10:
            return False
        if isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and ("{{" in value or "{%" in value or "$secret" in value):
            return False
        elif not isinstance(value, (str, int, float, bool, type(None))):
            return False  # a date of YAML
    return True


def said_example(schema: Mapping[str, Any]) -> Any:
    """What a schema itself offers as a value; None where it offers none."""
    listed = [*_list(schema.get("examples")), *_list(schema.get("enum"))]
    for value in (schema.get("example"), schema.get("const"), schema.get("default"), *listed):
        if value is not None and is_plain(value):
            return value
    return None


class _Skeleton:
    def __init__(self, document: Document):
        self._document = document
        self._fields = 0
        self.left_out: list[str] = []

    def of(self, value: Any, path: str, depth: int) -> Any:
        schema = self._document.resolved(value)
        offered = said_example(schema)
        if offered is not None:
            return offered
        properties, required = self._properties(schema, depth)
        if not properties or depth <= 0:
            return f"{{{{ {path} }}}}"
        wanted = [name for name in properties if name in required] or list(properties)
        if path == "payload":
            self.left_out = [name for name in properties if name not in wanted]
        found = {}
        for name in wanted:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                break
            found[name] = self.of(properties[name], path_to(path, name), depth - 1)
        return found

    def _properties(self, schema: Mapping[str, Any], depth: int) -> tuple[dict[str, Any], set[str]]:
        """Those of the schema and of all that it is made of; of alternatives, the first."""
        properties = schema.get("properties")
        found = {str(name): below for name, below in properties.items()} if isinstance(properties, Mapping) else {}
        required = {name for name in _list(schema.get("required")) if isinstance(name, str)}
        parts = [*_list(schema.get("allOf")), *_list(schema.get("oneOf"))[:1], *_list(schema.get("anyOf"))[:1]]
        for part in parts[:20] if depth > 0 else ():
            below, needed = self._properties(self._document.resolved(part), depth - 1)
            found = {**below, **found}
            required |= needed
        return found, required


def path_to(path: str, name: str) -> str:
    """
    >>> path_to("payload", "id"), path_to("payload", "line-items")
    ('payload.id', 'payload["line-items"]')
    """
    is_word = name.isascii() and name.isidentifier()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f"{path}.{name}" if is_word else f'{path}["{quoted}"]'


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
