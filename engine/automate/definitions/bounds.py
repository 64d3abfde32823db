"""How large a definition may be. Checked first and without recursion: everything after may rely on it."""

from __future__ import annotations

import json
from typing import Any

from automate.definitions.problem import Problem
from automate.templating.rendering import has_template, lone_path

MAX_BYTES = 1_048_576
MAX_DEPTH = 64
MAX_TEMPLATES = 2_000  # that have to be compiled, at about 1 ms each; a path alone is none of them


def find_bound_problems(definition: Any) -> list[Problem]:
    """At most one problem: too deep, too large, or not JSON data."""
    waiting, templates = [(definition, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return [Problem("", "too_deep", f"The definition is nested deeper than {MAX_DEPTH} levels.")]
        if isinstance(value, dict):
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, str) and has_template(value) and lone_path(value) is None:
            templates += 1
    try:
        size = len(json.dumps(definition, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        return [Problem("", "not_json", f"The definition holds what JSON cannot: {str(error)[:200]}.")]
    if size > MAX_BYTES:
        return [Problem("", "too_large", f"The definition has {size:,} bytes; at most {MAX_BYTES:,} are allowed.")]
    if "\\u0000" in json.dumps(definition):
        return [Problem("", "not_storable", "The definition holds the character NUL, which cannot be stored.")]
    if templates > MAX_TEMPLATES:
        return [Problem("", "too_many_templates", f"The definition has more than {MAX_TEMPLATES:,} templates.")]
    return []
