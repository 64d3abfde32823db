"""API keys over the API: no key gives what it lacks, and a text is seen once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from automate.models import KeptAnswer
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import ApiKey
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi, new_key
from tests.web.api.support import Api

pytestmark = pytest.mark.django_db
NEW = {"name": "shop backend", "scopes": ["events:write"]}


def test_a_key_made_here_works_and_its_text_is_nowhere_else(api: Api, tenant_a: Workspace) -> None:
    made = api.post("/keys", NEW).json()

    assert Api(made["api_key"]).get("/key").json()["scopes"] == ["events:write"]
    assert "api_key" not in api.get(f"/keys/{made['id']}").json()
    assert made["api_key"] not in api.get("/keys").content.decode()


def test_the_same_request_again_gives_the_same_key_and_what_is_kept_is_sealed(api: Api, tenant_a: Workspace) -> None:
    first, again = (api.post("/keys", NEW, {"Idempotency-Key": "one"}) for _ in range(2))

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    with tenant_scope(tenant_a.ref):
        kept = KeptAnswer.objects.get().body
    assert kept.startswith("sealed:")
    assert first.json()["api_key"] not in kept


def test_a_key_gives_only_what_it_has(make_api: MakeApi, api: Api, tenant_a: Workspace) -> None:
    small = make_api("keys:write", "events:write")
    large = api.post("/keys", {"name": "large", "scopes": ["secrets:write"]}).json()

    made = small.post("/keys", NEW)
    more = small.post("/keys", {"name": "more", "scopes": ["events:write", "secrets:write"]})
    rolled = small.post(f"/keys/{large['id']}/rolls", {})

    assert made.status_code == 201
    for refused in (more, rolled):
        assert (refused.status_code, refused.json()["details"]["needed"]) == (403, "secrets:write")


def test_rolled_with_an_overlap_both_work_and_revoked_none(api: Api, tenant_a: Workspace) -> None:
    old = api.post("/keys", NEW).json()

    new = api.post(f"/keys/{old['id']}/rolls", {"overlap_seconds": 3600}).json()

    assert api.get(f"/keys/{old['id']}").json()["expires_at"] is not None
    for made in (old, new):
        assert Api(made["api_key"]).get("/key").status_code == 200
        assert api.post(f"/keys/{made['id']}/revocations").json()["revoked_at"] is not None
        assert Api(made["api_key"]).get("/key").status_code == 401
    assert api.post(f"/keys/{old['id']}/rolls", {}).status_code == 409
    assert api.post(f"/keys/{new['id']}/rolls", {"overlap_seconds": 5}).status_code == 422


def test_a_key_says_who_it_is_and_knows_nobody_elses(
    make_api: MakeApi, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    api = make_api("keys:read", "keys:write")
    new_key(tenant_b, ["events:read"])
    with public_scope():
        foreign = ApiKey.objects.get(tenant_id=tenant_b.ref.id, name="test")

    own = make_api("events:read").get("/key").json()

    assert own["workspace"]["slug"] == tenant_a.ref.slug
    assert own["workspace"]["url"].startswith("http://testserver/")
    assert str(foreign.pk) not in [each["id"] for each in api.get("/keys").json()["results"]]
    for key_id in (foreign.pk, "0", "x", "9" * 30, "-1"):
        assert api.get(f"/keys/{key_id}").status_code == 404
        assert api.post(f"/keys/{key_id}/revocations").status_code == 404


def test_a_key_may_end_and_says_from_where_it_was_used(api: Api) -> None:
    made = api.post("/keys", {**NEW, "expires_in_days": 30}).json()
    Api(made["api_key"]).get("/key")
    shown = api.get(f"/keys/{made['id']}").json()

    life = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert (life.days, shown["latest_used_ip"], shown["is_unused"]) == (30, "127.0.0.1", False)
    rolled = api.post(f"/keys/{made['id']}/rolls", {"expires_in_days": 1}).json()
    assert rolled["expires_at"] is not None
    for days in (0, -1, 3651, 10**12):
        refused = api.post("/keys", {**NEW, "expires_in_days": days})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_key")


def test_a_key_that_nobody_used_for_90_days_is_flagged(api: Api, tenant_a: Workspace) -> None:
    made = api.post("/keys", NEW).json()
    with public_scope():
        ApiKey.objects.filter(pk=made["id"]).update(created_at=timezone.now() - timedelta(days=91))

    assert api.get(f"/keys/{made['id']}").json()["is_unused"] is True
    Api(made["api_key"]).get("/key")
    assert api.get(f"/keys/{made['id']}").json()["is_unused"] is False
