"""No code of ours does what mixes tenants up; and the rules catch it when it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tenants.bans import ALLOWED_CACHES, find_offences

ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for root in ("tenants", "billing", "web")
    for file in sorted((ROOT / root).rglob("*.py"))
    if "migrations" not in file.parts
]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_banned_construct(file: Path) -> None:
    path = str(Path(*file.relative_to(ROOT).parts[1:]))
    assert find_offences(file.read_text(), path) == []


def test_every_exception_is_still_needed() -> None:
    for path, function in ALLOWED_CACHES:
        [file] = [source for source in SOURCES if str(source).endswith(path)]
        assert f"def {function}(" in file.read_text()


@pytest.mark.parametrize(
    "offence",
    [
        "with tenant:\n    pass",
        "with request.tenant:\n    pass",
        "async def f():\n    async with self.tenant:\n        pass",
        "from django_tenants.utils import schema_context",
        "import functools\n@functools.lru_cache\ndef f(): ...",
        "@lru_cache(maxsize=9)\ndef f(): ...",
        "@cache\ndef f(): ...",
        "cursor.execute('SET  search_path = a')",
        "cursor.execute(f'SET LOCAL search_path = {name}')",
        "key = connection.schema_name",
        "t = connections_module.connection.tenant",
    ],
)
def test_the_rules_catch(offence: str) -> None:
    assert len(find_offences(offence, "automate_web/page.py")) == 1


@pytest.mark.parametrize(
    "fine", ["with tenant_scope(tenant):\n    pass", "x = tenant.schema_name", "text = 'the search_path is set'"]
)
def test_the_rules_let_pass(fine: str) -> None:
    assert find_offences(fine, "automate_web/page.py") == []
