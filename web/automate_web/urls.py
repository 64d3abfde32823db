"""The portal's pages. One list for both kinds of host: each view says where it lives (see `automate_web.requests`)."""

from __future__ import annotations

from allauth.account import views as allauth_views
from django.urls import path, re_path
from django.views.generic import RedirectView

from automate_web import live, mailbox
from automate_web.accounts import views as accounts
from automate_web.pages import (
    audit,
    docs,
    email,
    endpoints,
    events,
    home,
    keys,
    manual,
    policies,
    runs,
    schedules,
    secrets,
    start,
    workflows,
)
from automate_web.requests import app_page

urlpatterns = [
    path("", home.home, name="home"),
    # the app's host: who are you, and where to
    path("signup/", accounts.signup, name="account_signup"),
    path("signup/address/", accounts.check_address, name="signup-address"),
    path("login/", accounts.log_in, name="account_login"),
    path("logout/", accounts.leave, name="account_logout"),
    path("left/", accounts.left, name="left"),
    path("inactive/", app_page(allauth_views.account_inactive), name="account_inactive"),
    path("password/reset/", app_page(allauth_views.password_reset), name="account_reset_password"),
    path("password/reset/done/", app_page(allauth_views.password_reset_done), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        app_page(allauth_views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        app_page(allauth_views.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("confirm-email/", app_page(allauth_views.email_verification_sent), name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", app_page(allauth_views.confirm_email), name="account_confirm_email"),
    path("workspaces/", accounts.workspaces, name="workspaces"),
    path("enter/<slug:slug>/", accounts.enter, name="enter"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    # both
    path("theme/", accounts.theme, name="theme"),
    path("docs/", docs.index, name="docs"),
    path("docs/img/<slug:name>.png", docs.picture, name="doc-picture"),
    path("docs/<slug:name>.md", docs.source, name="doc-source"),
    path("docs/<slug:name>/", docs.page, name="doc"),
    # a workspace
    path("handover/", accounts.arrive, name="arrive"),
    path("leave/", accounts.leave, name="leave"),
    path("live-token/", live.renew, name="live-token"),
    path("start/", start.start, name="start"),
    path("start/events/", start.send, name="start-send"),
    path("start/github/", start.connect, {"provider": "github"}, name="start-github"),
    path("start/stripe/", start.connect, {"provider": "stripe"}, name="start-stripe"),
    path("start/email/", email.confirm, name="start-email"),
    path("start/email/letters/", email.send, name="start-email-letter"),
    path("start/key-saved/", start.forget_key, name="start-key-saved"),
    path("events/", events.listing, name="events"),
    path("events/<uuid:event_id>/", events.detail, name="event"),
    path("events/<uuid:event_id>/payload.json", events.payload, name="event-payload"),
    path("runs/", runs.listing, name="runs"),
    path("runs/<uuid:run_id>/", runs.detail, name="run"),
    path("runs/<uuid:run_id>/attempts/<uuid:step_run_id>/<slug:part>.json", runs.value, name="run-value"),
    path("workflows/", workflows.listing, name="workflows"),
    path("workflows/new/", workflows.new, name="workflow-new"),
    path("workflows/problems/", workflows.check, name="workflow-problems"),
    path("workflows/<uuid:workflow_id>/", workflows.detail, name="workflow"),
    path("workflows/<uuid:workflow_id>/draft/", workflows.draft, name="workflow-draft"),
    path("workflows/<uuid:workflow_id>/versions/", workflows.publish, name="workflow-publish"),
    path("workflows/<uuid:workflow_id>/versions/<int:version_num>/", workflows.version, name="workflow-version"),
    path("workflows/<uuid:workflow_id>/enabled/", workflows.enabled, name="workflow-enabled"),
    path("workflows/<uuid:workflow_id>/runs/", manual.start, name="workflow-run"),
    path("schedules/", schedules.listing, name="schedules"),
    path("schedules/<uuid:schedule_id>/", schedules.detail, name="schedule"),
    path("schedules/<uuid:schedule_id>/ticks/", schedules.run, name="schedule-run"),
    path("schedules/<uuid:schedule_id>/paused/", schedules.paused, name="schedule-paused"),
    path("webhooks/", endpoints.listing, name="endpoints"),
    path("webhooks/new/", endpoints.new, name="endpoint-new"),
    path("webhooks/<uuid:endpoint_id>/", endpoints.detail, name="endpoint"),
    path("governance/", secrets.governance, name="governance"),
    path("governance/policies/", policies.policies, name="policies"),
    path("governance/secrets/", secrets.secrets, name="secrets"),
    path("governance/secrets/<str:secret>/", secrets.secret, name="secret"),
    path("governance/secrets/<str:secret>/rotate/", secrets.rotate, name="secret-rotate"),
    path("governance/secrets/<str:secret>/restore/", secrets.restore, name="secret-restore"),
    path("governance/secrets/<str:secret>/delete/", secrets.delete, name="secret-delete"),
    path("governance/audit/", audit.audit, name="audit"),
    path("governance/audit.csv", audit.export, {"format": "csv"}, name="audit-csv"),
    path("governance/audit.jsonl", audit.export, {"format": "jsonl"}, name="audit-jsonl"),
    path("developers/", RedirectView.as_view(pattern_name="keys")),
    path("developers/keys/", keys.keys, name="keys"),
    path("developers/keys/<int:key_id>/", keys.made, name="key-made"),
    path("developers/keys/<int:key_id>/roll/", keys.roll, name="key-roll"),
    path("developers/keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
]
