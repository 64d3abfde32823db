"""The text of OpenAPI documents: where it is wrong, and what YAML must not do."""

from __future__ import annotations

import pytest

from automate_governance.errors import Invalid
from automate_web import openapi_text


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('{"openapi": "3.1.0",}', "line 1, column 21"),
        ("openapi: 3.1.0\npaths: [", "line 2, column 9"),
        ("a: &a [x]\nb: [*a, *a]", "aliases are not read"),
        ("[" * 500, "nested too deeply"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("", "Choose a file"),
    ],
)
def test_what_is_no_document_says_where(document: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        openapi_text.parse(document)
