"""Templates of workflows: each is valid, says what it needs, can be tried in one click, and makes drafts."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions import find_problems
from automate.definitions.graph import every_step
from automate.models import Event, ExecutionRun, OutboxJob, Workflow
from automate.secrets.references import names_in
from automate.services import secrets, testing
from automate_connectors import registry
from automate_tenants.context import tenant_scope
from automate_web import diagrams, gallery
from automate_web.pages.gallery import to_fill_in
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

TEMPLATES = list(gallery.templates().values())
each = pytest.mark.parametrize("template", TEMPLATES, ids=[template.slug for template in TEMPLATES])


def at(document: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


def test_there_are_enough_of_them_in_an_order_of_their_own() -> None:
    assert len(TEMPLATES) >= 12
    assert [template.slug for template in TEMPLATES[:2]] == ["order-to-slack", "github-issue-triage"]
    assert all(template.summary and template.description for template in TEMPLATES)


@each
def test_a_template_is_valid_and_says_what_it_needs(template: gallery.Template) -> None:
    definitions = [template.definition, *template.companions]

    assert [str(problem) for one in definitions for problem in find_problems(one)] == []
    assert set(template.secrets) == {name for one in definitions for name in names_in(one)}
    for place in template.fill:
        assert at(template.definition, place.path) not in (None, "")
    used = {(step["connector"], step["action"]) for one in definitions for _, step in every_step(one)}
    assert all(action in registry.get(connector).actions for connector, action in used)


@each
def test_its_drawing_has_a_box_for_each_step_and_says_the_same_in_words(template: gallery.Template) -> None:
    drawn = diagrams.draw(template.definition)

    steps = [*template.definition["steps"], *template.definition.get("finally", [])]
    assert len(drawn.boxes) == len(steps) + 1 == len(drawn.words)
    assert len({(box.x, box.y) for box in drawn.boxes}) == len(drawn.boxes)  # none hides another
    assert all(0 <= box.x <= drawn.width - diagrams.WIDTH for box in drawn.boxes)
    assert len(drawn.lines) >= len(steps)
    assert all((step.get("name") or step["id"]) in " ".join(drawn.words) for step in steps)


@pytest.mark.usefixtures("db")
@each
def test_its_sample_matches_its_rule_and_goes_through_without_effects(
    template: gallery.Template, tenant_a: Workspace
) -> None:
    from django.utils import timezone

    with tenant_scope(tenant_a.ref):
        tried = testing.dry_run(definition=template.definition, payload=template.sample, now=timezone.now())

    assert tried.decision.matches
    assert tried.status == "succeeded", tried.as_dict()
    assert [step.denied for step in tried.steps if step.denied] == []


def test_using_one_makes_drafts_under_free_names_and_says_what_to_fill_in(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    with tenant_scope(tenant_a.ref):
        from django.utils import timezone

        secrets.create_secret(name="CARRIER_TOKEN", value="x" * 20, actor="system", now=timezone.now())

    shown = browser.get("/workflows/templates/order-parcels/")
    first = browser.post("/workflows/templates/order-parcels/workflows/", follow=True)
    second = browser.post("/workflows/templates/order-parcels/workflows/", follow=True)

    assert "With it comes Ship a parcel" in shown.text and "Stored" in shown.text
    with tenant_scope(tenant_a.ref):
        made = dict(Workflow.objects.exclude(slug="sample").values_list("slug", "active_version"))
    assert made == {"ship-parcel": None, "order-parcels": None, "order-parcels-2": None}
    assert first.context["workflow"].slug == "order-parcels" and "Made from the template" in first.text
    assert second.context["workflow"].name == "Order, parcel by parcel 2"

    slack = browser.post("/workflows/templates/order-to-slack/workflows/", follow=True)
    line, what = slack.context["to_fill_in"][1]
    assert '"channel"' in slack.context["edit"].text.splitlines()[line - 1] and "Slack channel" in what
    assert "/governance/secrets/?name=SLACK_TOKEN" in slack.text


def test_trying_one_shows_its_path_at_once_and_sends_nothing(enter: Enter, tenant_a: Workspace) -> None:
    page = enter(tenant_a).post("/workflows/templates/refund-approval/workflows/", {"try": "yes"}, follow=True)

    assert page.redirect_chain[0][0].endswith("/dry-runs/?template=refund-approval")
    assert page.context["tried"].status == "succeeded"
    assert "would ask" in page.text and "&quot;pi_1&quot;" in page.text
    with tenant_scope(tenant_a.ref):
        assert not (Event.objects.exists() or ExecutionRun.objects.exists() or OutboxJob.objects.exists())


def test_the_gallery_filters_and_a_viewer_makes_nothing(enter: Enter, tenant_a: Workspace) -> None:
    viewer = enter(tenant_a, "viewer")

    def found(**query: str) -> list[str]:
        return [one.slug for one in viewer.get("/workflows/templates/", query).context["templates"]]

    assert found() == [template.slug for template in TEMPLATES]
    assert found(q="REFUND") == ["refund-approval"]
    assert found(category="Payments") == ["payment-failed-reminder", "refund-approval"]
    assert "No template fits" in viewer.get("/workflows/templates/?q=xyzzy").text
    assert viewer.get("/workflows/templates/no-such/").status_code == 404
    assert "Using it needs the role Builder" in viewer.get("/workflows/templates/order-to-slack/").text
    assert viewer.post("/workflows/templates/order-to-slack/workflows/").status_code == 403


def test_lines_to_fill_in_follow_the_text() -> None:
    template = gallery.find("heartbeat-missing")

    assert next(line for line, _ in to_fill_in(template, '{\n "trigger": {\n  "event_type": "x"\n }\n}')) == 3
