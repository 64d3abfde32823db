"""Importing definitions: a file or pasted text, first what it would change, then the change that was seen.

What is sent to be done is the text that was looked at and the states it was compared with; a workflow that somebody
changed meanwhile is a conflict, and nothing of the file is imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.definitions import jsontext
from automate.services import Imported, import_definitions
from automate_governance.errors import Invalid, NormalizedError
from automate_web.pages.changes import Section, sections
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page

MAX_BYTES = 2 * 1024 * 1024
MAX_DOCUMENTS = 100
WORDS = {"created": "New", "updated": "Changes", "unchanged": "The same"}


@dataclass(frozen=True)
class Planned:
    """One workflow of the file, and what importing it changes."""

    imported: Imported
    word: str
    sections: list[Section]


@require_http_methods(["GET", "POST"])
@workspace_page("automate.change_workflow")
def imports(request: WorkspaceRequest) -> HttpResponse:
    """GET /workflows/imports/ asks for a file; POST shows what it would change, and with `states` does it."""
    if request.method == "GET":
        return render(request, "workflows/import.html", {"text": ""})
    publish = request.POST.get("publish") == "yes"
    if publish:
        demand(request, "automate.publish_workflow")
    text = _text(request)
    try:
        documents = _documents(text)
        states = _states(request.POST.get("states"))
        how: dict[str, Any] = {"actor": actor(request), "now": timezone.now(), "publish": publish}
        if states is not None:
            return _done(request, import_definitions(documents, expected=states, **how))
        planned = import_definitions(documents, dry_run=True, **how)
    except NormalizedError as error:
        context = {"text": text, "refused": error, "problems": _placed(error, text), "publish": publish}
        if isinstance(error.__cause__, jsontext.NotJson):
            context["excerpt"] = jsontext.excerpt(text, error.__cause__.line, error.__cause__.column)
        return render(request, "workflows/import.html", context, status=error.http_status)
    plan = [Planned(one, WORDS[one.outcome], sections(one.changes) if one.changes else []) for one in planned]
    context = {
        "text": text,
        "plan": plan,
        "publish": publish,
        "states": json.dumps({one.slug: one.state for one in planned}),
        "is_empty": all(one.outcome == "unchanged" for one in planned),
    }
    return render(request, "workflows/import.html", context)


def _done(request: WorkspaceRequest, imported: list[Imported]) -> HttpResponse:
    changed = [one for one in imported if one.outcome != "unchanged"]
    words = ", ".join(f"{one.slug} {f'v{one.version_num}' if one.version_num else 'draft'}" for one in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    told = f"Imported: {words}{more}." if changed else "Nothing was changed: what runs says the same."
    messages.success(request, told, extra_tags="ok")
    return redirect("workflows")


def _text(request: WorkspaceRequest) -> str:
    """Of the file, where one was sent; else what is in the box. What is no UTF-8 is told as no JSON."""
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        return request.POST.get("text", "").replace("\r\n", "\n")
    if (upload.size or 0) > MAX_BYTES:
        return ""
    return bytes(upload.read()).decode("utf-8-sig", "replace")


def _documents(text: str) -> list[tuple[str, Any]]:
    """(place, definition) of one definition or a list of them. Raises Invalid."""
    if not text.strip():
        raise Invalid(f"Choose a file of at most {MAX_BYTES // 1024 // 1024} MiB, or paste a definition.")
    try:
        content = jsontext.parse(text)
    except jsontext.NotJson as error:
        raise Invalid(f"Not JSON: {error} (line {error.line}, column {error.column}).") from error
    listed = content if isinstance(content, list) else [content]
    if not 1 <= len(listed) <= MAX_DOCUMENTS:
        raise Invalid(f"One file holds 1 to {MAX_DOCUMENTS} definitions.")
    return [(f"{number}. definition" if len(listed) > 1 else "definition", one) for number, one in enumerate(listed, 1)]


def _placed(error: NormalizedError, text: str) -> list[dict[str, Any]]:
    """The problems with the line of the text that each is on, and that line."""
    problems = error.details.get("errors", [])
    if not problems:
        return []
    lines, written = jsontext.lines_of(text), text.splitlines()
    placed = []
    for problem in problems:
        number, _, rest = str(problem.get("source", "")).partition(". ")
        above = f"/{int(number) - 1}" if rest and number.isdigit() else ""
        line = jsontext.line_of(lines, above + problem["path"])
        placed.append({**problem, "line": line, "written": written[line - 1].strip()[:120]})
    return placed


def _states(text: str | None) -> dict[str, str] | None:
    """What the person saw; None while they only look."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid("Look at the changes once more before importing.")
    return {str(slug): str(state) for slug, state in found.items()}
