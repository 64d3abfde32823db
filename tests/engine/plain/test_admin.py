"""The admin of the engine alone: secrets masked and rotated, raw payloads on record, runs and audit read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.plain.project import Project
from tests.engine.plain.test_plain_project import EMIT

pytestmark = pytest.mark.processes  # each test is a process of its own
VALUE = "canary-admin-9d02"
BEGIN = """
from datetime import datetime, timezone
from django.contrib.auth.models import Permission, User
from django.test import Client
from automate import secrets
from automate.models import AuditLogEntry, Event, ExecutionRun, StepRun
from automate.runtime import emit_event
from automate_governance.models import StoredSecret
from django.core.management import call_command
call_command("flush", interactive=False, verbosity=0)
VALUE, PASSWORD = "canary-admin-9d02", "correct horse battery"
ME = {"current_password": PASSWORD}
def enter(name, *codenames, root=False):
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": root})
    user.set_password(PASSWORD)
    user.save()
    for codename in codenames:
        user.user_permissions.add(Permission.objects.get(codename=codename))
    browser = Client()
    browser.force_login(user)
    return browser
def text(answer):
    return answer.content.decode()
root = enter("root", root=True)
SECRETS = "/admin/automate_governance/storedsecret/"
"""
LIFE = """
answer = {"index": "Governance" in text(root.get("/admin/")) and "Stored secrets" in text(root.get("/admin/"))}
added = root.post(SECRETS + "add/", {"name": "KEY", "value": VALUE, "note": "live"})
key = StoredSecret.objects.get()
answer["added"] = [added.status_code, secrets.resolve("$secret:KEY") == VALUE]
pages = [root.get(SECRETS), root.get(f"{SECRETS}{key.pk}/change/"), root.get(f"{SECRETS}{key.pk}/history/")]
action = root.post(SECRETS, {"action": "rotate_secret", "_selected_action": [key.pk]})
form = root.get(action["Location"])
wrong = [{}, {"current_password": "x"}]
unproven = [root.post(action["Location"], {"value": "second " + VALUE, **who}) for who in wrong]
answer["unproven"] = [[page.status_code, "password" in text(page)] for page in unproven]
answer["unrotated"] = secrets.resolve("$secret:KEY") == VALUE
rotated = root.post(action["Location"], {"value": "second " + VALUE, **ME})
pages += [form, *unproven, rotated, root.get(SECRETS)]
answer["rotated"] = [rotated.status_code, secrets.resolve("$secret:KEY"), StoredSecret.objects.get().reference]
same = root.post(action["Location"], {"value": "second " + VALUE})
pages.append(same)
twice = root.post(SECRETS + "add/", {"name": "KEY", "value": VALUE}, follow=True)
pages.append(twice)
answer["leaks"] = [VALUE in text(page) for page in pages]
answer["masked"] = "********" in text(pages[0])
answer["same"] = "has already" in text(same)
gone = root.post(f"{SECRETS}{key.pk}/delete/", {"post": "yes"})
answer["gone"] = [gone.status_code, StoredSecret.objects.count()]
answer["audit"] = list(AuditLogEntry.objects.order_by("id").values_list("action", flat=True))
answer["values in audit"] = any(VALUE in str(entry.details) for entry in AuditLogEntry.objects.all())
"""
RAW = """
emit_event("order.created", {"password": VALUE, "n": 7})
event = Event.objects.get()
url = f"/admin/automate/event/{event.pk}/"
looker = enter("looker", "view_event")
allowed = enter("allowed", "view_event", "view_raw_payload")
answer = {
    "safe": [VALUE in text(who.get(url + "change/")) for who in (root, looker, allowed)],
    "asked": VALUE in text(allowed.get(url + "raw/")),
    "refused": [looker.get(url + "raw/").status_code, looker.post(url + "raw/", ME).status_code],
    "unproven": [VALUE in text(allowed.post(url + "raw/", who)) for who in ({}, {"current_password": "x"})],
    "raw": [VALUE in text(allowed.post(url + "raw/", who)) for who in (ME, {})],
    "entries": [[e.action, e.resource == f"event:{event.pk}", e.ip] for e in AuditLogEntry.objects.all()],
}
guesser = enter("guesser", "view_event", "view_raw_payload")
answer["guesses"] = [guesser.post(url + "raw/", {"current_password": "x"}).status_code for _ in range(5)]
answer["after"] = guesser.post(url + "raw/", ME).status_code
"""
LOOK = (
    EMIT
    + """
call_command("automate_worker", once=True)
paths = ["/admin/automate/executionrun/", "/admin/automate/auditlogentry/", "/admin/automate/event/"]
run, entry = ExecutionRun.objects.first(), AuditLogEntry.objects.first()
paths += [f"/admin/automate/executionrun/{run.pk}/change/", f"/admin/automate/auditlogentry/{entry.pk}/change/"]
answer = {
    "seen": [root.get(path).status_code for path in paths],
    "changed": [root.post(path, {"actor": "x"}).status_code for path in paths[3:]],
    "added": [root.get(path + "add/").status_code for path in paths[:3]],
    "step": "150 paid" in text(root.get(paths[3])),
}
step = StepRun.objects.filter(run_id=run.pk).first()
raw = f"/admin/automate/executionrun/{run.pk}/attempts/{step.pk}/raw/"
looker = enter("looker", "view_executionrun")
answer["raw"] = [
    raw in text(root.get(paths[3])), looker.post(raw, ME).status_code, "150 paid" in text(root.post(raw, {})),
    "150 paid" in text(root.post(raw, ME)),
]
answer["looks"] = AuditLogEntry.objects.filter(action="step.view_raw", resource=f"run:{run.pk}").count()
"""
)


@pytest.fixture(scope="module")
def project(make_project: Callable[[str], Project]) -> Project:
    plain = make_project("sqlite")
    made = Project({**plain.environment, "DJANGO_SETTINGS_MODULE": "tests.engine.plain.admin_settings"})
    made.manage("migrate", "--verbosity", "0")
    return made


def run(project: Project, code: str) -> Any:
    """In an empty database."""
    return project.script(BEGIN + code)


def test_a_secret_lives_under_governance_stored_secrets_and_no_page_holds_its_value(project: Project) -> None:
    seen = run(project, LIFE)

    assert seen["index"]
    assert seen["added"] == [302, True]
    assert seen["unproven"] == [[200, True]] * 2
    assert seen["unrotated"]
    assert seen["rotated"] == [302, f"second {VALUE}", json.dumps({"$secret": "KEY"})]
    assert seen["leaks"] == [False] * len(seen["leaks"])
    assert seen["masked"]
    assert seen["same"]
    assert seen["gone"] == [302, 0]
    assert seen["audit"] == ["secret.create", "secret.rotate", "secret.delete"]
    assert not seen["values in audit"]


def test_a_raw_payload_needs_its_permission_and_leaves_an_entry(project: Project) -> None:
    assert run(project, RAW) == {
        "safe": [False, False, False],
        "asked": False,
        "refused": [403, 403],
        "unproven": [False, False],
        "raw": [True, True],  # the second look within the grace asks nothing
        "entries": [["event.view_raw", True, "127.0.0.1"]] * 2,
        "guesses": [200, 200, 200, 200, 403],
        "after": 302,  # logged out
    }


def test_runs_and_the_audit_log_are_seen_and_altered_by_nobody(project: Project) -> None:
    seen = run(project, LOOK)

    assert (seen["seen"], seen["changed"], seen["added"], seen["step"]) == ([200] * 5, [403, 403], [403] * 3, True)
    assert (seen["raw"], seen["looks"]) == ([True, 403, False, True], 1)
