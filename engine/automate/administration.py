"""The admin of a project that uses the engine alone: Governance › Stored Secrets, executions, events, the audit log.

Values are write-only here too: no form, list or history holds one. Events show their payload redacted; the raw one
needs `automate.view_raw_payload`, is asked for by its own link, and leaves an audit entry; so do the real inputs and
outputs of steps. Rotating and revealing ask for the password again. What the engine writes is read-only. A host of many
tenants serves the same functions in its portal and registers none of this.
Source: seeds, "Secrets Management", "Debugging Failures", "Data Redaction".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from automate import host, reauthentication
from automate.models import AuditLogEntry, Event, ExecutionRun, StepRun
from automate.services import audit, raw_steps, secrets
from automate.services.masked_events import masked_for
from automate_governance.errors import NormalizedError, Unauthenticated
from automate_governance.models import StoredSecret
from automate_governance.redaction import redact
from automate_governance.redaction.current import masking_emails

if TYPE_CHECKING:  # generic for the type checker alone
    SecretModelForm = forms.ModelForm[StoredSecret]
    SecretModelAdmin = admin.ModelAdmin[StoredSecret]
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    SecretModelForm, SecretModelAdmin, AnyModelAdmin = forms.ModelForm, admin.ModelAdmin, admin.ModelAdmin

MASKED = "********"
MAX_LINKS = 500  # attempts of a run that are offered raw
_VALUE = forms.PasswordInput(attrs={"autocomplete": "off"})


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def _json(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _password_problem(request: HttpRequest) -> str:
    """Why this POST does not prove who sits there; "" when it does. Raises PermissionDenied after five wrong ones."""
    try:
        return reauthentication.find_problem(request) if request.method == "POST" else ""
    except Unauthenticated as error:
        raise PermissionDenied(error.message) from None


def _password_context(request: HttpRequest, problem: str) -> dict[str, Any]:
    return {"problem": problem, **reauthentication.context(request)}


class NewSecretForm(SecretModelForm):
    value = forms.CharField(widget=_VALUE, strip=False, help_text="It is never shown again.")

    class Meta:
        model = StoredSecret
        fields = ["name", "note"]


class SecretForm(SecretModelForm):
    class Meta:
        model = StoredSecret
        fields = ["note"]


class RotateForm(forms.Form):
    value = forms.CharField(label="New value", widget=_VALUE, strip=False)


class StoredSecretAdmin(SecretModelAdmin):
    """Add, Rotate Secret, delete; never read."""

    list_display = ("name", "masked", "reference", "version_num", "rotated_at", "latest_used_at")
    search_fields = ("name", "note")
    list_filter = ("rotated_at",)
    actions = ["rotate_secret"]
    readonly_fields = ("masked", "reference", "version_num", "created_at", "created_by", "rotated_at", "latest_used_at")

    @admin.display(description="value")
    def masked(self, secret: StoredSecret) -> str:
        return MASKED

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, form=SecretForm if obj else NewSecretForm, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", *self.readonly_fields) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", *self.readonly_fields, "note") if obj else ("name", "value", "note")

    def save_model(self, request: HttpRequest, obj: StoredSecret, form: Any, change: bool) -> None:
        now = timezone.now()
        if change:
            secrets.bind_secret(name=obj.name, hosts=obj.hosts, note=obj.note, actor=_actor(request), now=now)
            return
        made = secrets.create_secret(
            name=obj.name, value=form.cleaned_data["value"], note=obj.note, actor=_actor(request), now=now
        )
        obj.pk = made.pk

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._told(request, lambda: super(StoredSecretAdmin, self).add_view(request, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self._told(
            request, lambda: super(StoredSecretAdmin, self).delete_view(request, object_id, extra_context)
        )

    def delete_model(self, request: HttpRequest, obj: StoredSecret) -> None:
        secrets.delete_secret(name=obj.name, actor=_actor(request), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for secret in queryset:
            self.delete_model(request, secret)

    @admin.action(description="Rotate Secret", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, "Choose one secret to rotate.", messages.ERROR)
            return None
        return HttpResponseRedirect(reverse("admin:automate_governance_storedsecret_rotate", args=[chosen[0].pk]))

    def get_urls(self) -> Any:
        rotate = self.admin_site.admin_view(self.rotate_view)
        name = "automate_governance_storedsecret_rotate"
        return [path("<uuid:secret_id>/rotate/", rotate, name=name), *super().get_urls()]

    def rotate_view(self, request: HttpRequest, secret_id: Any) -> HttpResponse:
        secret = StoredSecret.objects.filter(pk=secret_id).first()
        if secret is None or not self.has_change_permission(request, secret):
            raise PermissionDenied
        form = RotateForm(request.POST or None)
        problem = _password_problem(request)
        if request.method == "POST" and form.is_valid() and not problem:
            try:
                secrets.rotate_secret(
                    name=secret.name, value=form.cleaned_data["value"], actor=_actor(request), now=timezone.now()
                )
            except NormalizedError as error:
                form.add_error("value", error.message)
            else:
                self.message_user(request, f"“{secret.name}” has its new value; its reference stays.")
                return HttpResponseRedirect(reverse("admin:automate_governance_storedsecret_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Rotate Secret {secret.name}",
            "secret": secret,
            "form": form,
            "opts": self.opts,
            **_password_context(request, problem),
        }
        return TemplateResponse(request, "admin/automate_governance/rotate.html", context)

    def _told(self, request: HttpRequest, view: Any) -> HttpResponse:
        """A refusal of the services becomes a message, not a failure."""
        try:
            answer: HttpResponse = view()
        except NormalizedError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.path)
        return answer


class ReadOnlyAdmin(AnyModelAdmin):
    """What the engine writes and nobody alters."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ExecutionRunAdmin(ReadOnlyAdmin):
    """The execution explorer: runs by status, each with its steps' inputs, outputs and errors as stored, redacted."""

    list_display = ("id", "status", "version", "trace_id", "steps_done", "steps_total", "created_at", "ended_at")
    list_filter = ("status", "created_at")
    search_fields = ("id", "trace_id", "event_id")
    fields = (
        "id", "status", "version", "event_id", "trace_id", "created_at", "started_at", "ended_at", "shown_error",
        "steps", "raw_steps", "audit_log",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="error")
    def shown_error(self, run: ExecutionRun) -> SafeString:
        return _json(run.error)

    @admin.display(description="steps")
    def steps(self, run: ExecutionRun) -> SafeString:
        rows = StepRun.objects.filter(run_id=run.pk).order_by("position", "attempt")
        return _json(
            [
                {"step": r.step_id, "attempt": r.attempt, "status": r.status, "input": r.input, "output": r.output,
                 "error": r.error, "logs": r.logs, "started_at": r.started_at, "ended_at": r.ended_at}
                for r in rows
            ]
        )  # fmt: skip

    @admin.display(description="raw inputs and outputs")
    def raw_steps(self, run: ExecutionRun) -> SafeString:
        rows = StepRun.objects.filter(run_id=run.pk).order_by("position", "item", "attempt")
        links = [
            (
                reverse("admin:automate_executionrun_raw", args=[run.pk, row.pk]),
                row.step_id,
                row.item or "",
                row.attempt,
            )
            for row in rows[:MAX_LINKS]
        ]
        return format_html_join(" ", '<a href="{}">Reveal {} {} attempt {}</a>', links)

    @admin.display(description="audit log")
    def audit_log(self, run: ExecutionRun) -> SafeString:
        url = reverse("admin:automate_auditlogentry_changelist")
        return format_html('<a href="{}?q={}">Entries of this trace</a>', url, run.trace_id)

    def get_urls(self) -> Any:
        raw = self.admin_site.admin_view(self.raw_view)
        path_ = "<uuid:run_id>/attempts/<uuid:step_run_id>/raw/"
        return [path(path_, raw, name="automate_executionrun_raw"), *super().get_urls()]

    def raw_view(self, request: HttpRequest, run_id: Any, step_run_id: Any) -> HttpResponse:
        known = StepRun.objects.filter(pk=step_run_id, run_id=run_id).exists()
        if not known or not request.user.has_perm("automate.view_raw_payload"):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": "Raw input and output", "opts": self.opts}
        problem = _password_problem(request)
        if request.method == "POST" and not problem:
            found = raw_steps.reveal_step(
                run_id=run_id,
                step_run_id=step_run_id,
                actor=_actor(request),
                ip=request.META.get("REMOTE_ADDR"),
                now=timezone.now(),
            )
            parts = {"input": found.input, "output": found.output}
            shown = {name: raw.value if raw.is_known else raw.note for name, raw in parts.items()}
            context["raw"] = json.dumps(shown, indent=2, ensure_ascii=False)
        context |= _password_context(request, problem)
        answer = TemplateResponse(request, "admin/automate/raw.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class EventAdmin(ReadOnlyAdmin):
    """Events with their payload redacted; raw for whoever has `view_raw_payload`, on demand and on record."""

    list_display = ("id", "type", "source", "trace_id", "received_at")
    list_filter = ("source", "received_at")
    search_fields = ("id", "type", "trace_id")
    fields = ("id", "type", "source", "trace_id", "received_at", "safe_payload", "raw_payload")
    readonly_fields = fields

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        found = super().get_changelist_instance(request)
        found.queryset = found.queryset.defer("payload", "headers")
        return found

    @admin.display(description="payload")
    def safe_payload(self, event: Event) -> SafeString:
        with masking_emails(host.current().masks_emails()), masked_for(event):
            return _json(redact(event.payload))

    @admin.display(description="raw payload")
    def raw_payload(self, event: Event) -> SafeString:
        url = reverse("admin:automate_event_raw", args=[event.pk])
        return format_html('<a href="{}">Reveal raw</a> (needs view_raw_payload; leaves an audit entry)', url)

    def get_urls(self) -> Any:
        raw = self.admin_site.admin_view(self.raw_view)
        return [path("<uuid:event_id>/raw/", raw, name="automate_event_raw"), *super().get_urls()]

    def raw_view(self, request: HttpRequest, event_id: Any) -> HttpResponse:
        event = Event.objects.filter(pk=event_id).first()
        if event is None or not request.user.has_perm("automate.view_raw_payload"):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": f"Raw payload of {event.pk}", "opts": self.opts}
        problem = _password_problem(request)
        if request.method == "POST" and not problem:
            audit.record(
                actor=_actor(request),
                action="event.view_raw",
                resource=f"event:{event.pk}",
                details={},
                trace_id=event.trace_id,
                ip=request.META.get("REMOTE_ADDR"),
                now=timezone.now(),
            )
            context["raw"] = json.dumps(event.payload, indent=2, ensure_ascii=False)
        context |= _password_context(request, problem)
        answer = TemplateResponse(request, "admin/automate/raw.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class AuditLogEntryAdmin(ReadOnlyAdmin):
    """Who changed what. Append-only: the database refuses anything else."""

    list_display = ("created_at", "actor", "action", "resource", "ip", "trace_id")
    list_filter = ("action", "created_at")
    search_fields = ("actor", "action", "resource", "trace_id")
    fields = ("created_at", "actor", "action", "resource", "ip", "trace_id", "shown_details")
    readonly_fields = fields

    @admin.display(description="details")
    def shown_details(self, entry: AuditLogEntry) -> SafeString:
        return _json(entry.details)


def register() -> None:
    """Not where a platform serves many tenants: its admin is for operators, and has public models only."""
    if "HOST" in getattr(settings, "DJANGO_AUTOMATE", {}):
        return
    admin.site.register(ExecutionRun, ExecutionRunAdmin)
    admin.site.register(Event, EventAdmin)
    admin.site.register(AuditLogEntry, AuditLogEntryAdmin)
    if apps.is_installed("automate_governance"):
        admin.site.register(StoredSecret, StoredSecretAdmin)


register()
