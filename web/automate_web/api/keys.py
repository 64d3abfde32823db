"""API keys over the API: what a key is, and making, rolling and revoking others.

A key gives no more than it has: who makes or rolls one holds every scope of the new key. A key's text is in the answer
that made it and nowhere else; an answer that is kept for an `Idempotency-Key` is sealed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.ingest.refusal import ForbiddenScope
from automate_tenants.context import current_tenant
from automate_tenants.keys import OVERLAPS, SCOPES, UNUSED_AFTER, create_key, revoke_key, roll_key
from automate_tenants.models import ApiKey, Tenant
from automate_web.api.documentation import describe
from automate_web.api.permissions import ANY_SCOPE
from automate_web.api.query import Query, parse_number
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read

OVERLAP_SECONDS = tuple(int(span.total_seconds()) for span in OVERLAPS)


class NewKey(Input):
    """A key for one program."""

    name = Text(max_length=80, help_text="Where it is used, such as `shop backend`.")
    scopes = fields.ListField(
        child=fields.ChoiceField(choices=SCOPES), min_length=1, help_text="What it may do: scopes that your key has."
    )
    expires_in_days = fields.IntegerField(required=False, allow_null=True, help_text="1 to 3650; null: it never ends.")
    is_test = fields.BooleanField(required=False, help_text="A test key passes every check and stores nothing.")


class NewRoll(Input):
    """How long the old key works on."""

    overlap_seconds = fields.ChoiceField(choices=OVERLAP_SECONDS, required=False, default=0)
    expires_in_days = fields.IntegerField(
        required=False, allow_null=True, help_text="Of the new key: 1 to 3650; null: it never ends."
    )


class Key(fields.Serializer[ApiKey]):
    """An API key without its text."""

    id = fields.CharField(source="pk")
    name = fields.CharField()
    prefix = fields.CharField(help_text="How it begins.")
    last4 = fields.CharField(help_text="How it ends.")
    is_test = fields.BooleanField(help_text="It tries things out: what is sent with it is checked and not stored.")
    scopes = fields.ListField(child=fields.CharField())
    created_by = fields.CharField()
    created_at = Time()
    latest_used_at = Time(allow_null=True, help_text="To the minute.")
    latest_used_ip = fields.CharField(allow_null=True, help_text="From where that was.")
    is_unused = fields.SerializerMethodField(help_text="Nobody has used it for 90 days.")
    expires_at = Time(allow_null=True, help_text="When it ends, by its lifetime or because it was rolled.")
    revoked_at = Time(allow_null=True)

    def get_is_unused(self, key: ApiKey) -> bool:
        return timezone.now() - (key.latest_used_at or key.created_at) > UNUSED_AFTER


class MadeKey(Key):
    """A new key with its text, which is shown once."""

    api_key = fields.SerializerMethodField(help_text="Keep it safe: it cannot be read again.")

    def get_api_key(self, key: ApiKey) -> str:
        return str(self.context["plain"])


class KeysWorkspace(fields.Serializer[Any]):
    slug = fields.CharField()
    name = fields.CharField()
    url = fields.CharField(help_text="Where its people work.")


class OwnKey(Key):
    """The key that asks, and its workspace."""

    workspace = fields.SerializerMethodField()

    @extend_schema_field(KeysWorkspace)
    def get_workspace(self, key: ApiKey) -> Any:
        return KeysWorkspace(self.context["workspace"]).data


class TheKey(ApiView):
    """`/key`"""

    scopes: ClassVar = {"GET": ANY_SCOPE}
    for_tests: ClassVar = frozenset({"GET"})

    @describe("key_get", "Say which key this is", answer=OwnKey)
    def get(self, request: Request) -> Response:
        Query(request, ())
        tenant = Tenant.objects.get(pk=current_tenant().id)
        url = f"{settings.BASE_URL.rstrip('/')}/enter/{tenant.slug}/"
        context = {"workspace": {"slug": tenant.slug, "name": tenant.name, "url": url}}
        return Response(OwnKey(cast(ApiKey, request.auth), context=context).data)


class Keys(ApiView):
    """`/keys`"""

    scopes: ClassVar = {"GET": "keys:read", "POST": "keys:write"}

    @describe("keys_list", "List API keys", answer=Key, is_list=True)
    def get(self, request: Request) -> Response:
        return self.page(Query(request, PAGE_PARAMETERS), _keys(), Key)

    @describe("keys_create", "Make an API key", body=NewKey, answer=MadeKey, status=201, makes=True, sealed=True)
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = read(request, NewKey)
        _demand(self.caller.scopes, new["scopes"])
        key, plain = create_key(
            tenant_id=current_tenant().id,
            name=new["name"],
            scopes=new["scopes"],
            created_by=self.caller.actor,
            now=timezone.now(),
            lifetime=_lifetime(new),
            is_test=new.get("is_test", False),
        )
        return _made(key, plain)


class OneKey(ApiView):
    """`/keys/{key_id}`"""

    scopes: ClassVar = {"GET": "keys:read"}

    @describe("keys_get", "Get an API key, without its text", answer=Key, missing=True)
    def get(self, request: Request, key_id: str) -> Response:
        Query(request, ())
        return Response(Key(_find(key_id)).data)


class KeyRolls(ApiView):
    """`/keys/{key_id}/rolls`"""

    scopes: ClassVar = {"POST": "keys:write"}

    @describe(
        "key_rolls_create",
        "Roll an API key: a new one in its place",
        body=NewRoll,
        answer=MadeKey,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
        sealed=True,
    )
    def post(self, request: Request, key_id: str) -> Response:
        Query(request, ())
        old, new = _find(key_id), read(request, NewRoll)
        _demand(self.caller.scopes, old.scopes)
        key, plain = roll_key(
            tenant_id=current_tenant().id,
            key_id=old.pk,
            overlap=timedelta(seconds=new["overlap_seconds"]),
            actor=self.caller.actor,
            now=timezone.now(),
            lifetime=_lifetime(new),
        )
        return _made(key, plain)


class KeyRevocations(ApiView):
    """`/keys/{key_id}/revocations`"""

    scopes: ClassVar = {"POST": "keys:write"}

    @describe("key_revocations_create", "Revoke an API key for good", answer=Key, missing=True, makes=True)
    def post(self, request: Request, key_id: str) -> Response:
        Query(request, ())
        found = _find(key_id)
        key = revoke_key(tenant_id=current_tenant().id, key_id=found.pk, actor=self.caller.actor, now=timezone.now())
        return Response(Key(key).data)


def _lifetime(new: dict[str, Any]) -> timedelta | None:
    days = new.get("expires_in_days")
    return (
        timedelta(days=min(max(days, 0), 100_000)) if days is not None else None
    )  # the rest is refused by the service


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(tenant_id=current_tenant().id)


def _find(text: str) -> ApiKey:
    key = _keys().filter(pk=parse_number(text)).first()
    if key is None:
        raise not_found("API key", text)
    return key


def _demand(held: Collection[str], asked: Collection[str]) -> None:
    """Raises ForbiddenScope for scopes that the caller's own key lacks."""
    if lacking := sorted(set(asked) - set(held)):
        raise ForbiddenScope(
            f"A key cannot give what it lacks: {', '.join(lacking)}.",
            details={"needed": lacking[0], "scopes": sorted(held)},
        )


def _made(key: ApiKey, plain: str) -> Response:
    location = {"Location": reverse("api:key", args=[key.pk])}
    return Response(MadeKey(key, context={"plain": plain}).data, status=201, headers=location)
