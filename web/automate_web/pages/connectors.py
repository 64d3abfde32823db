"""Connectors: what workflows can call, what each call takes, whether policy lets it, and who uses it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from automate.policy import effective_policy
from automate.services import catalogue, imported_apis
from automate.services.connection_tests import Outcome
from automate_connectors import registry
from automate_connectors.http.curl import MAX_CHARACTERS, Pasted, from_curl
from automate_governance.errors import Invalid, NotFound, TooManyRequests
from automate_web import connection_tests
from automate_web.filters import in_force
from automate_web.pages.connection_form import ConnectionForm
from automate_web.requests import WorkspaceRequest, actor, workspace_page


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
    found = [(api, len(imported_apis.matching(api, text))) for api in imported_apis.imported_apis()]
    context = {
        "entries": catalogue.entries(effective_policy(), text=text),
        "apis": [(api, count) for api, count in found if count],
        "q": text,
    }
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


@require_POST
@workspace_page("automate.change_workflow")
def test(request: WorkspaceRequest, code: str) -> HttpResponse:
    """POST /connectors/<code>/tests/: one harmless request now; the page says what came of it."""
    adapter = registry.all().get(code)
    if adapter is None or adapter.connection is None:
        raise NotFound("There is no such connector, or nothing of it can be tested.")
    form = ConnectionForm(adapter.connection, request.POST)
    outcome, status = None, 422
    if form.is_valid():
        try:
            outcome = connection_tests.test_connection(connector=code, params=form.params, actor=actor(request))
            status = 200
        except Invalid as error:
            named = str(error.details.get("param", "")).partition("/")[0]
            form.add_error(named if named in form.fields else None, error.message)
        except TooManyRequests as error:
            form.add_error(None, error.message)
            status = error.http_status
    return _page(request, code, CurlForm(), status=status, test_form=form, outcome=outcome)


def _page(
    request: WorkspaceRequest,
    code: str,
    form: CurlForm,
    *,
    pasted: Pasted | None = None,
    status: int = 200,
    test_form: ConnectionForm | None = None,
    outcome: Outcome | None = None,
) -> HttpResponse:
    entry = catalogue.entry(code, effective_policy())
    spec = registry.all()[code].connection
    context = {
        "entry": entry,
        "form": form if code == "http" else None,
        "pasted": pasted,
        "test_form": test_form or (ConnectionForm(spec) if spec is not None else None),
        "outcome": outcome,
    }
    return render(request, "connectors/detail.html", context, status=status)
