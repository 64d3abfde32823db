"""The text of an OpenAPI document, JSON or YAML, as plain data. Bounded; nothing in it can make objects or grow."""

from __future__ import annotations

import json
from typing import Any

import yaml
from django.core.files.uploadedfile import UploadedFile

from automate_governance.errors import Invalid

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 60


class _PlainLoader(yaml.SafeLoader):
    """No aliases: a few lines of them unfold into gigabytes. OpenAPI has `$ref` for what they are for."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise self._refused("aliases are not read; use $ref")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._refused("nested too deeply")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _refused(self, problem: str) -> yaml.MarkedYAMLError:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def parse(text: str) -> Any:
    """Raises Invalid with the place of what cannot be read."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _invalid("A document has at most 2 MB.")
    if not text.strip():
        raise _invalid("Choose a file, or paste the document.")
    try:
        if text.lstrip()[:1] == "{":
            return json.loads(text)
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506  # safe: derived from SafeLoader
    except json.JSONDecodeError as error:
        raise _invalid(f"This is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise _invalid(f"This is not YAML: {error.problem or 'it cannot be read'}{where}.") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        raise _invalid("This is neither JSON nor YAML that can be read.") from None


def text_of(given: Any, pasted: str) -> str:
    """The uploaded file's text, or what was pasted. Raises Invalid."""
    if not isinstance(given, UploadedFile):
        return pasted
    if (given.size or 0) > MAX_BYTES:
        raise _invalid("A document has at most 2 MB.")
    return str(given.read().decode("utf-8-sig", "replace"))


def _invalid(message: str) -> Invalid:
    return Invalid(message, details={"param": "document"})
