"""What code that serves tenants must not do, as rules over syntax trees; `test_bans.py` runs them.

- `with tenant:`: django-tenants keeps one list of previous tenants for all threads and gives back another thread's.
- `tenant_context`, `schema_context` of django-tenants: they move the connection and leave the ContextVar behind.
- `lru_cache`, `cache`: one memory for all tenants. A function whose arguments name the tenant, or that holds nothing
  of a tenant, is listed in ALLOWED_CACHES with the reason.
- `SET search_path` in a string: the backend alone sends it.
- `connection.schema_name`, `connection.tenant`, `settings_dict["SCHEMA"]`: read the ContextVar instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

ALLOWED_CACHES = {
    ("automate_billing/plans.py", "_of_file"): "the installation's plans, by file and when it was changed",
    ("automate_billing/statements.py", "load"): "SQL files",
    ("automate_tenants/key_store.py", "_file_store"): "by folder; the store's own memory is keyed by schema name",
    ("automate_tenants/template.py", "_own_version"): "what this code's migrations are called",
    ("automate_tenants/workspace_settings.py", "time_zones"): "the time zones of the IANA database",
    ("automate_web/api/schema.py", "_content"): "the API's description, one file for everybody",
    ("automate_web/gateway/sql/__init__.py", "statement"): "SQL files",
    ("automate_web/event_feed.py", "_sql"): "an SQL file",
    ("automate_web/gallery.py", "templates"): "the release's own templates of workflows, one shelf for everybody",
    ("automate_web/statements.py", "load"): "SQL files",
    ("automate_web/pages/docs.py", "_page"): "documentation, one for everybody",
}
CONNECTION_HANDLERS = ("automate_tenants/backend/", "automate_tenants/scope.py")
_CACHES = {"lru_cache", "cache", "cached"}


def find_offences(source: str, path: str) -> list[str]:
    """`path:line: what` for each offence; `path` is relative to its source root."""
    tree = ast.parse(source)
    found = [
        *_tenant_as_context(tree),
        *_foreign_contexts(tree),
        *_shared_caches(tree, path),
        *([] if path.startswith(CONNECTION_HANDLERS) else [*_search_path(tree), *_connection_state(tree)]),
    ]
    return [f"{path}:{line}: {what}" for line, what in sorted(found)]


def _tenant_as_context(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for item in node.items if isinstance(node, ast.With | ast.AsyncWith) else []:
            if _last_name(item.context_expr).lower().endswith("tenant"):
                yield node.lineno, "`with tenant:` is not thread safe; use tenant_scope(ref)"


def _foreign_contexts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django_tenants"):
            for name in node.names:
                if name.name in {"tenant_context", "schema_context", "tenant_migration"}:
                    yield node.lineno, f"`{name.name}` leaves the ContextVar behind; use tenant_scope(ref)"


def _shared_caches(tree: ast.AST, path: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            name = _last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if name in _CACHES and (path, node.name) not in ALLOWED_CACHES:
                yield decorator.lineno, f"`{name}` on {node.name} is one memory for all tenants"


def _search_path(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = " ".join(node.value.lower().split())
            if words.startswith(("set search_path", "set local search_path", "set session search_path")):
                yield node.lineno, "only the backend sets search_path"


def _connection_state(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        is_state = isinstance(node, ast.Attribute) and node.attr in {"schema_name", "tenant"}
        if is_state and _last_name(node.value) == "connection" and isinstance(node.ctx, ast.Load):
            yield node.lineno, f"`connection.{node.attr}` differs per thread; ask automate_tenants.context"


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
