"""Thousands of operations over two workspaces, mixed in several threads: not one row crosses over."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from automate.ids import new_id
from automate.models import Event
from automate_tenants.context import TenantRef, current_tenant, public_scope, tenant_or_none, tenant_scope
from automate_tenants.models import Tenant
from tests.support.workspaces import Workspace

THREADS, ROUNDS = 4, 700


class Crossed(AssertionError):
    """A row of one workspace was seen or written in another."""


class Player:
    """One thread's random walk through both workspaces. Every row carries its owner's name in its type."""

    def __init__(self, workspaces: tuple[Workspace, Workspace], seed: int):
        self.workspaces = workspaces
        self.random = random.Random(seed)
        self.written = {workspace.ref.slug: 0 for workspace in workspaces}
        self.client = Client()

    def play(self) -> dict[str, int]:
        moves: list[Callable[[Workspace], None]] = [
            self.write, self.read, self.call_api, self.post_api, self.nest, self.undo, self.fail, self.peek_raw,
            self.remember, self.abort_transaction, self.stream,
        ]  # fmt: skip
        for _ in range(ROUNDS):
            self.random.choice(moves)(self.random.choice(self.workspaces))
            if tenant_or_none() is not None:
                raise Crossed("a scope was left open")
        return self.written

    def write(self, workspace: Workspace) -> None:
        with tenant_scope(workspace.ref):
            make_event(workspace.ref)
        self.written[workspace.ref.slug] += 1

    def read(self, workspace: Workspace) -> None:
        with tenant_scope(workspace.ref):
            check(
                workspace.ref, Event.objects.filter(source="mixed").order_by("-pk").values_list("type", flat=True)[:20]
            )

    def call_api(self, workspace: Workspace) -> None:
        answer = self.client.get("/api/v1/events?limit=20", headers={"Authorization": f"Bearer {workspace.api_key}"})
        assert answer.status_code == 200, answer.content
        check(workspace.ref, [event["type"] for event in answer.json()["results"]])

    def post_api(self, workspace: Workspace) -> None:
        body = {"type": workspace.ref.slug, "payload": {}}
        headers = {"Authorization": f"Bearer {workspace.api_key}"}
        answer = self.client.post("/api/v1/events", body, content_type="application/json", headers=headers)
        assert answer.status_code == 202, answer.content

    def nest(self, workspace: Workspace) -> None:
        """In one workspace, for a moment in the other and in none, and back."""
        other = next(w for w in self.workspaces if w is not workspace)
        with tenant_scope(workspace.ref):
            self.read(other)
            with public_scope():
                assert Tenant.objects.count() >= 2
            assert current_tenant() == workspace.ref
            check(workspace.ref, Event.objects.filter(source="mixed").values_list("type", flat=True)[:20])

    def undo(self, workspace: Workspace) -> None:
        """A savepoint is rolled back while another workspace was visited inside it."""
        other = next(w for w in self.workspaces if w is not workspace)
        with tenant_scope(workspace.ref), transaction.atomic():
            with suppress(ZeroDivisionError), transaction.atomic():
                make_event(workspace.ref)
                with tenant_scope(other.ref):
                    make_event(other.ref)
                raise ZeroDivisionError
            check(workspace.ref, Event.objects.filter(source="mixed").values_list("type", flat=True)[:20])

    def fail(self, workspace: Workspace) -> None:
        with suppress(ZeroDivisionError), tenant_scope(workspace.ref):
            list(Event.objects.all()[:1])
            raise ZeroDivisionError

    def peek_raw(self, workspace: Workspace) -> None:
        with tenant_scope(workspace.ref), connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_schema(), (SELECT count(*) FROM automate_event WHERE type <> %s AND source = 'mixed')",
                [workspace.ref.slug],
            )
            schema, foreign = cursor.fetchone()
            if schema != workspace.ref.schema_name or foreign:
                raise Crossed(f"{schema} for {workspace.ref.schema_name}, {foreign} foreign rows")

    def remember(self, workspace: Workspace) -> None:
        """The cache is parted like the rows."""
        with tenant_scope(workspace.ref):
            cache.set("owner", workspace.ref.slug)
            if cache.get("owner") != workspace.ref.slug:
                raise Crossed("another workspace's cache entry")

    def abort_transaction(self, workspace: Workspace) -> None:
        """PostgreSQL forgets our search_path with the transaction; we must know."""
        with tenant_scope(workspace.ref):
            with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
            check(workspace.ref, Event.objects.filter(source="mixed").values_list("type", flat=True)[:20])

    def stream(self, workspace: Workspace) -> None:
        """A server-side cursor is read while the other workspace is visited."""
        other = next(w for w in self.workspaces if w is not workspace)
        with tenant_scope(workspace.ref), transaction.atomic():
            rows = Event.objects.filter(source="mixed").values_list("type", flat=True).iterator(chunk_size=2)
            check(workspace.ref, [row for row, _ in zip(rows, range(3), strict=False)])
            self.read(other)
            check(workspace.ref, [row for row, _ in zip(rows, range(3), strict=False)])


def make_event(tenant: TenantRef) -> None:
    Event.objects.create(type=tenant.slug, payload={}, source="mixed", trace_id=new_id(), received_at=timezone.now())


def check(tenant: TenantRef, types: Any) -> None:
    foreign = [found for found in types if found != tenant.slug]
    if foreign:
        raise Crossed(f"{foreign} in {tenant.slug}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120)
def test_not_one_row_crosses_over(tenant_a: Workspace, tenant_b: Workspace, at_once: Any) -> None:
    players = [Player((tenant_a, tenant_b), seed) for seed in range(THREADS)]

    written = at_once(*(partial(player.play) for player in players))

    for workspace in (tenant_a, tenant_b):
        with tenant_scope(workspace.ref):
            rows = Event.objects.filter(source__in=["mixed", "api"])
            assert not rows.exclude(type=workspace.ref.slug).exists()
            assert rows.filter(source="mixed").count() == sum(counts[workspace.ref.slug] for counts in written)
