"""Secrets do not belong in a definition: references do. Finds values, and references that are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from automate.definitions.problem import Problem, pointer
from automate.templating.limits import SECRET_KEY, SECRET_PREFIX
from automate.templating.rendering import has_template
from automate_governance.redaction import is_sensitive_name
from automate_governance.redaction.patterns import AUTH_SCHEME, HOOK_URL, KEY_SHAPE, PRIVATE_KEY

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
HINT = 'Store it as a secret and write {"$secret": "NAME"} here.'
_SHORTEST = 6  # a shorter text under a telling name is a word, such as "basic"
_URL_LOGIN = re.compile(r"://[^/\s:@{}]{1,200}:[^/\s@{}]{3,}@")


def find_secret_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Walks the whole document: a secret is refused wherever it stands."""
    waiting: list[tuple[str, str, Any]] = [("", "", definition)]
    while waiting:
        path, name, value = waiting.pop()
        if isinstance(value, dict):
            if SECRET_KEY in value:
                yield from _reference_problems(path, value)
                continue
            waiting.extend((path + pointer(str(key)), str(key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend((path + pointer(index), name, item) for index, item in enumerate(value))
        elif isinstance(value, str):
            yield from _value_problems(path, name, value)


def _reference_problems(path: str, value: dict[str, Any]) -> Iterator[Problem]:
    name = value[SECRET_KEY]
    if len(value) > 1:
        yield Problem(path, "secret_reference", 'A secret is {"$secret": "NAME"} and nothing beside it.')
    if not isinstance(name, str) or not NAME.fullmatch(name):
        message = "The name of a secret has letters, digits, `_`, `.` and `-`; it is never a template."
        yield Problem(path + pointer(SECRET_KEY), "secret_reference", message)


def _value_problems(path: str, name: str, value: str) -> Iterator[Problem]:
    if value.startswith(SECRET_PREFIX):
        if not NAME.fullmatch(value[len(SECRET_PREFIX) :]):
            message = "The name of a secret has letters, digits, `_`, `.` and `-`; it is never a template."
            yield Problem(path, "secret_reference", message)
        return
    if KEY_SHAPE.search(value) or PRIVATE_KEY.search(value) or HOOK_URL.search(value) or _URL_LOGIN.search(value):
        yield Problem(path, "secret_value", f"This looks like a secret. {HINT}")
    elif not path.startswith(("/steps/", "/finally/")) or has_template(value):
        return
    elif AUTH_SCHEME.search(value) and len(value) < 500 and is_sensitive_name(name):
        yield Problem(path, "secret_value", f"This looks like credentials. {HINT}")
    elif is_sensitive_name(name) and len(value) >= _SHORTEST and not re.search(r"\s", value):
        yield Problem(path, "secret_value", f'The value of "{name}" is kept like a secret. {HINT}')
