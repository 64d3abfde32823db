"""Connectors: what workflows can call, what each call takes, whether policy lets it, and who uses it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from automate.policy import effective_policy
from automate.services import catalogue
from automate_connectors.http.curl import MAX_CHARACTERS, Pasted, from_curl
from automate_governance.errors import Invalid
from automate_web.filters import in_force
from automate_web.requests import WorkspaceRequest, workspace_page


class CurlForm(forms.Form):
    command = forms.CharField(
        label="A curl command",
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="As an API's documentation shows it. It is not sent, and not kept.",
    )

    def clean_command(self) -> str:
        command = str(self.cleaned_data["command"])
        try:
            self.pasted = from_curl(command)
        except Invalid as error:
            raise forms.ValidationError(error.message) from None
        return command


@require_GET
@workspace_page("automate.view_workflow")
def connectors(request: WorkspaceRequest) -> HttpResponse:
    """GET /connectors/?q="""
    text = request.GET.get("q", "")[:200]
    context = {"entries": catalogue.entries(effective_policy(), text=text), "q": text}
    return render(request, "connectors/list.html", {**context, "chips": in_force(request.GET, "q")})


@require_GET
@workspace_page("automate.view_workflow")
def connector(request: WorkspaceRequest, code: str) -> HttpResponse:
    """GET /connectors/<code>/"""
    return _page(request, code, CurlForm())


@require_POST
@workspace_page("automate.view_workflow")
def curl(request: WorkspaceRequest) -> HttpResponse:
    """POST /connectors/http/curl/ shows the step; nothing is kept, and no credential of the command is shown."""
    form = CurlForm(request.POST)
    if not form.is_valid():
        return _page(request, "http", form, status=422)
    return _page(request, "http", CurlForm(), pasted=form.pasted)


def _page(
    request: WorkspaceRequest, code: str, form: CurlForm, *, pasted: Pasted | None = None, status: int = 200
) -> HttpResponse:
    entry = catalogue.entry(code, effective_policy())
    context = {"entry": entry, "form": form if code == "http" else None, "pasted": pasted}
    return render(request, "connectors/detail.html", context, status=status)
