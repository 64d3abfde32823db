"""What of an OpenAPI document breaks a client that was written against an earlier one; additions break none.

Broken is: a path, an operation or its id gone; an input that is new and required, or became so, or takes less than it
did (a type, a value of an enum, a bound); an answer that loses a status of success, a field or the promise that a field
is there, or may hold more than it did. Texts, examples, tags and refusals may change.

Compared are two whole documents as they are served. References are followed by name; a schema that holds itself is
looked at once on each way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

METHODS = ("get", "put", "post", "patch", "delete")
Document = Mapping[str, Any]
LOWER, UPPER = ("minimum", "exclusiveMinimum", "minLength", "minItems"), (
    "maximum", "exclusiveMaximum", "maxLength", "maxItems",
)  # fmt: skip


def breaks(before: Document, after: Document) -> list[str]:
    """Every break, as a line that names its place; empty where clients of `before` go on working with `after`."""
    return sorted(set(_Comparison(before, after).breaks()))


class _Comparison:
    def __init__(self, before: Document, after: Document):
        self._before, self._after = before, after
        self._on_the_way: set[tuple[str, str, str]] = set()

    def breaks(self) -> Iterator[str]:
        for path, methods in self._before.get("paths", {}).items():
            there = self._after.get("paths", {}).get(path)
            if there is None:
                yield f"{path}: the path is gone"
                continue
            for method in METHODS:
                if method in methods:
                    yield from self._operation(f"{method.upper()} {path}", methods[method], there.get(method))

    def _operation(self, at: str, before: Document, after: Document | None) -> Iterator[str]:
        if after is None:
            yield f"{at}: the operation is gone"
            return
        if before.get("operationId") != after.get("operationId"):
            yield f"{at}: its id was {before.get('operationId')}, now {after.get('operationId')}"
        yield from self._parameters(at, before, after)
        yield from self._body(at, before.get("requestBody"), after.get("requestBody"))
        yield from self._answers(at, before.get("responses", {}), after.get("responses", {}))

    def _parameters(self, at: str, before: Document, after: Document) -> Iterator[str]:
        earlier, later = _by_name(before), _by_name(after)
        for key, parameter in earlier.items():
            place = f"{at}: {key[0]} parameter {key[1]}"
            if key not in later:
                yield f"{place} is gone"
                continue
            if later[key].get("required") and not parameter.get("required"):
                yield f"{place} is now required"
            yield from self._input(place, parameter.get("schema", {}), later[key].get("schema", {}))
        for key in later.keys() - earlier.keys():
            if later[key].get("required"):
                yield f"{at}: {key[0]} parameter {key[1]} is new and required"

    def _body(self, at: str, before: Document | None, after: Document | None) -> Iterator[str]:
        if before is None:
            if after is not None and after.get("required"):
                yield f"{at}: a body is now required"
            return
        if after is None:
            yield f"{at}: it takes no body any more"
            return
        if after.get("required") and not before.get("required"):
            yield f"{at}: its body is now required"
        for media, content in before.get("content", {}).items():
            there = after.get("content", {}).get(media)
            if there is None:
                yield f"{at}: its body may not be {media} any more"
            else:
                yield from self._input(f"{at}: body", content.get("schema", {}), there.get("schema", {}))

    def _answers(self, at: str, before: Document, after: Document) -> Iterator[str]:
        for status, answer in before.items():
            if not status.startswith("2"):
                continue
            there = after.get(status)
            if there is None:
                yield f"{at}: it does not answer {status} any more"
                continue
            for name in answer.get("headers", {}).keys() - there.get("headers", {}).keys():
                yield f"{at}: the answer {status} has no header {name} any more"
            for media, content in answer.get("content", {}).items():
                later = there.get("content", {}).get(media)
                if later is None:
                    yield f"{at}: the answer {status} is not {media} any more"
                else:
                    yield from self._output(
                        f"{at}: answer {status}", content.get("schema", {}), later.get("schema", {})
                    )

    def _input(self, at: str, before: Document, after: Document) -> Iterator[str]:
        """What was taken must be taken."""
        before, after, is_new = self._resolved("in", before, after)
        if not is_new:
            return
        yield from _less(at, "takes", before, after)
        for bound in LOWER:
            if bound in after and (bound not in before or after[bound] > before[bound]):
                yield f"{at}: {bound} is now {after[bound]}"
        for bound in UPPER:
            if bound in after and (bound not in before or after[bound] < before[bound]):
                yield f"{at}: {bound} is now {after[bound]}"
        if "pattern" in after and after["pattern"] != before.get("pattern"):
            yield f"{at}: its pattern is now {after['pattern']}"
        earlier, later = before.get("properties", {}), after.get("properties", {})
        for name in set(after.get("required", [])) - set(before.get("required", [])):
            yield f"{at}.{name} is now required" if name in earlier else f"{at}.{name} is new and required"
        for name, one in earlier.items():
            if name in later:
                yield from self._input(f"{at}.{name}", one, later[name])
            elif after.get("additionalProperties") is not True:
                yield f"{at}.{name} is gone"
        yield from self._below(at, before, after, self._input)

    def _output(self, at: str, before: Document, after: Document) -> Iterator[str]:
        """What was promised must be there, and be no more than it was."""
        before, after, is_new = self._resolved("out", before, after)
        if not is_new:
            return
        yield from _less(at, "may be", after, before)
        earlier, later = before.get("properties", {}), after.get("properties", {})
        for name in set(before.get("required", [])) - set(after.get("required", [])):
            if name in later:
                yield f"{at}.{name} is not always there any more"
        for name, one in earlier.items():
            if name in later:
                yield from self._output(f"{at}.{name}", one, later[name])
            else:
                yield f"{at}.{name} is gone"
        yield from self._below(at, before, after, self._output)

    def _below(self, at: str, before: Document, after: Document, compare: Any) -> Iterator[str]:
        """Schemas inside: items, values of a map, and alternatives in their order."""
        for name in ("items", "additionalProperties"):
            if isinstance(before.get(name), Mapping) and isinstance(after.get(name), Mapping):
                yield from compare(f"{at}[]", before[name], after[name])
        for name in ("allOf", "oneOf", "anyOf"):
            for earlier, later in zip(before.get(name, ()), after.get(name, ()), strict=False):
                yield from compare(at, earlier, later)

    def _resolved(self, way: str, before: Document, after: Document) -> tuple[Document, Document, bool]:
        """Both without a reference; False where this pair is being compared already on this way."""
        pair = (way, before.get("$ref", ""), after.get("$ref", ""))
        if pair[1] and pair[2]:
            if pair in self._on_the_way:
                return before, after, False
            self._on_the_way.add(pair)
        return _target(self._before, before), _target(self._after, after), True


def _less(at: str, verb: str, before: Document, after: Document) -> Iterator[str]:
    """Types and values of an enum that `before` has and `after` has not."""
    earlier, later = _types(before), _types(after)
    if later and (lost := (earlier or {"anything"}) - later - ({"integer"} if "number" in later else set())):
        yield f"{at} {verb} " + ("not " if verb == "takes" else "now ") + ", ".join(sorted(lost))
    if "enum" in after:
        if "enum" not in before and "const" not in before:
            yield f"{at} {verb} " + ("only some values now" if verb == "takes" else "any value now")
        elif lost_values := [value for value in before.get("enum", []) if value not in after["enum"]]:
            words = ", ".join(map(str, lost_values))
            yield f"{at} {verb} " + ("not " if verb == "takes" else "now ") + words
    if before.get("format") != after.get("format") and after.get("format"):
        yield (
            f"{at}: its format was {before.get('format', 'free')}, now {after['format']}"
            if verb == "takes"
            else (f"{at}: its format was {after['format']}, now {before.get('format', 'free')}")
        )


def _types(schema: Document) -> set[str]:
    told = schema.get("type", [])
    return {told} if isinstance(told, str) else set(told)


def _target(document: Document, schema: Document) -> Document:
    while reference := schema.get("$ref"):
        found: Any = document
        for part in str(reference).removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def _by_name(operation: Document) -> dict[tuple[str, str], Document]:
    return {(each["in"], each["name"]): each for each in operation.get("parameters", [])}
