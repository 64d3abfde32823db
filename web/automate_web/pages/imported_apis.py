"""Imported APIs: an OpenAPI document becomes actions that are searched, and copied as steps of the HTTP connector."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.services import imported_apis as services
from automate_governance.errors import Conflict, Invalid
from automate_web import openapi_text
from automate_web.filters import in_force
from automate_web.requests import WorkspaceRequest, actor, workspace_page

SHOWN = 100  # operations on one page; a search finds the others


class ImportForm(forms.Form):
    file = forms.FileField(label="File (JSON or YAML)", required=False)
    document = forms.CharField(
        label="Or paste it",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="OpenAPI 3.0 or 3.1, at most 2 MB. Nothing that it refers to elsewhere is fetched.",
    )
    name = forms.CharField(
        label="Name (optional)", required=False, max_length=80, help_text="Without one it is called as in the document."
    )
    server = forms.CharField(
        label="Server (optional)",
        required=False,
        max_length=500,
        help_text="Where its calls go, such as https://api.example.com/v1, where the document names no whole address.",
    )


@require_http_methods(["GET", "POST"])
@workspace_page("automate.change_workflow")
def imports(request: WorkspaceRequest) -> HttpResponse:
    """GET /connectors/apis/ asks for a document; POST reads it and leads to its operations."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = services.import_api(
                document=openapi_text.parse(openapi_text.text_of(given["file"], given["document"])),
                name=given["name"],
                server=given["server"],
                actor=actor(request),
                now=timezone.now(),
            )
        except (Invalid, Conflict) as error:
            named = error.details.get("param")
            form.add_error(named if named in form.fields else "document", error.message)
        else:
            count = len(made.operations)
            messages.success(request, f"{count} operation{'' if count == 1 else 's'} of {made.name}.", extra_tags="ok")
            return redirect("imported-api", made.slug)
    return render(request, "connectors/import.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@workspace_page("automate.view_workflow")
def api(request: WorkspaceRequest, api: str) -> HttpResponse:
    """GET /connectors/apis/<slug>/?q="""
    found, text = services.imported_api(api), request.GET.get("q", "")[:200]
    operations = services.matching(found, text)
    context = {
        "api": found,
        "q": text,
        "operations": operations[:SHOWN],
        "more": max(0, len(operations) - SHOWN),
        "chips": in_force(request.GET, "q"),
    }
    return render(request, "connectors/api.html", context)


@require_POST
@workspace_page("automate.change_workflow")
def removals(request: WorkspaceRequest, api: str) -> HttpResponse:
    """POST /connectors/apis/<slug>/removals/"""
    services.remove_api(slug=api, actor=actor(request), now=timezone.now())
    messages.success(request, "Removed. Workflows keep the steps that were made of it.", extra_tags="ok")
    return redirect("connectors")
