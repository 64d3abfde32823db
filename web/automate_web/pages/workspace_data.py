"""Settings, Data: everything of the workspace as an archive, and its end. For Owners, who prove who they are first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate import reauthentication
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants import deletion, features
from automate_tenants.context import public_scope
from automate_tenants.export import contents, jobs
from automate_tenants.models import Membership, Tenant, WorkspaceExport
from automate_tenants.permissions import role_allows
from automate_web.addresses import app_url
from automate_web.pages.people import person
from automate_web.requests import WorkspaceRequest, actor, app_page, workspace_page

LINK_SECONDS = 3600  # a link that the API gave
_SALT = "automate.export"


class ExportForm(forms.Form):
    raw = forms.BooleanField(
        label="With payloads as they came",
        required=False,
        help_text="Else what looks secret in them is masked, as on every page. Values of secrets are never in it.",
    )


class DeletionForm(forms.Form):
    confirm = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, slug: str, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["confirm"].label = f"Type the workspace's address to go on: {slug}"


@require_http_methods(["GET", "POST"])
@workspace_page("automate.export_workspace")
def exports(request: WorkspaceRequest) -> HttpResponse:
    """GET /settings/exports/: what was exported. POST asks for another; a worker makes it."""
    form = ExportForm(request.POST or None)
    is_on = features.is_on("export", request.tenant.id)
    if request.method == "POST":
        problem = reauthentication.find_problem(request) if is_on else "Exports are switched off by the operator."
        if problem:
            form.add_error(None, problem)
        elif form.is_valid() and _ask(request, form):
            messages.success(request, "The export is being made. This page shows when it is there.", extra_tags="ok")
            return redirect("exports")
    now = timezone.now()
    rows = [(one, person(one.asked_by), jobs.is_there(one, now)) for one in jobs.exports(request.tenant.id)[:20]]
    context = {
        "form": form,
        "is_on": is_on,
        "rows": rows,
        "is_being_made": any(one.status in {"queued", "running"} for one, _, _ in rows),
        "left_out": sorted(contents.LEFT_OUT.values()),
        "life_days": jobs.LIFE.days,
        "now": now,
        **reauthentication.context(request),
    }
    return render(request, "settings/exports.html", context, status=422 if form.errors else 200)


@require_GET
@workspace_page("automate.export_workspace")
def archive(request: WorkspaceRequest, export_id: str) -> HttpResponseBase:
    """GET /settings/exports/<id>/archive.zip: the archive, streamed; each download is in the audit log."""
    return _stream(jobs.find(request.tenant.id, export_id), actor(request))


@require_GET
@app_page
def linked_archive(request: HttpRequest, token: str) -> HttpResponseBase:
    """GET /exports/<token>/ on the app's host: the archive behind a link that the API gave, good for an hour."""
    try:
        tenant_id, export_id, by = signing.loads(token, salt=_SALT, max_age=LINK_SECONDS)
    except signing.BadSignature as error:
        raise NotFound("This link is too old or was changed. Ask the API for a new one.") from error
    tenant = Tenant.objects.filter(pk=tenant_id, status=Tenant.Status.ACTIVE).first()
    if tenant is None:
        raise NotFound("There is no such workspace any more.")
    return _stream(jobs.find(tenant_id, export_id), by)


def link_to(export: WorkspaceExport, by: str) -> str:
    """The path of `linked_archive` for this export, on the app's host."""
    return f"/exports/{signing.dumps([export.tenant_id, str(export.pk), by], salt=_SALT)}/"


@require_http_methods(["GET", "POST"])
@workspace_page("automate.delete_workspace")
def delete(request: WorkspaceRequest) -> HttpResponse:
    """GET /settings/deletion/ says what stops; POST with `confirm` stops it and has it deleted after the grace."""
    tenant, now = Tenant.objects.get(pk=request.tenant.id), timezone.now()
    form = DeletionForm(request.POST or None, slug=tenant.slug)
    if request.method == "POST":
        problem = reauthentication.find_problem(request)
        if problem:
            form.add_error(None, problem)
        elif form.is_valid() and _delete(request, form):
            return HttpResponseRedirect(app_url(request, "/workspaces/"))
    context = {
        "form": form,
        "tenant": tenant,
        "stops": deletion.what_stops(tenant, now),
        "grace_days": deletion.GRACE.days,
        "delete_at": now + deletion.GRACE,
        "exported": jobs.exports(tenant.pk).filter(status="done", expires_at__gt=now).first(),
        **reauthentication.context(request),
    }
    return render(request, "settings/deletion.html", context, status=422 if form.errors else 200)


@require_POST
@app_page
@login_required
def undo_deletion(request: HttpRequest, slug: str) -> HttpResponse:
    """POST /workspaces/<slug>/undo/ on the app's host, where the workspace's own pages are closed: let it go on."""
    user = cast(User, request.user)
    mine = Membership.objects.filter(user_id=user.pk, tenant__slug=slug).select_related("tenant").first()
    if mine is None or not role_allows(mine.role, "automate.delete_workspace"):
        raise NotFound("There is no such workspace, or you are not an Owner of it.")
    deletion.undo(tenant_id=mine.tenant_id, actor=f"user:{user.pk}", now=timezone.now())
    messages.success(request, f"{mine.tenant.name} is not deleted: it goes on where it was.", extra_tags="ok")
    return redirect("workspaces")


def _ask(request: WorkspaceRequest, form: ExportForm) -> bool:
    try:
        jobs.ask(tenant_id=request.tenant.id, is_raw=form.cleaned_data["raw"], actor=actor(request), now=timezone.now())
    except Conflict as error:
        form.add_error(None, error.message)
        return False
    return True


def _delete(request: WorkspaceRequest, form: DeletionForm) -> bool:
    confirm = form.cleaned_data["confirm"]
    try:
        deletion.ask(tenant_id=request.tenant.id, actor=actor(request), confirm=confirm, now=timezone.now())
    except (Invalid, Conflict) as error:
        form.add_error(error.details.get("param"), error.message)
        return False
    return True


def _stream(export: WorkspaceExport, by: str) -> StreamingHttpResponse:
    parts = jobs.download(export, actor=by, now=timezone.now())
    name = f"export-{export.created_at:%Y-%m-%d}-{str(export.pk)[:8]}.zip"
    response = StreamingHttpResponse(
        _in_public(parts), content_type="application/zip", headers={"Content-Length": str(export.size_bytes)}
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _in_public(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts lie in a public table: they need no workspace, and each is read on its own."""
    while True:
        with public_scope():
            part = next(parts, None)
        if part is None:
            return
        yield part
