"""Secrets: listed, made, rotated, restored, bound to hosts, deleted. No answer holds a value."""

from __future__ import annotations

from typing import ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate.secrets import references
from automate.services import secrets as services
from automate_governance.models import StoredSecret
from automate_web.api import serializers
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read


class Secrets(ApiView):
    """`/secrets`"""

    scopes: ClassVar = {"GET": "secrets:read", "POST": "secrets:write"}

    @describe("secrets_list", "List secrets", answer=serializers.Secret, is_list=True, ordered_by={"name": "name"})
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        return self.page(query, StoredSecret.objects.all(), serializers.Secret, {"name": "name"}, used_by=_used_by())

    @describe(
        "secrets_create",
        "Store a secret",
        body=serializers.NewSecret,
        answer=serializers.Secret,
        status=201,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        given = read(request, serializers.NewSecret)
        made = services.create_secret(
            name=given["name"],
            value=given["value"],
            hosts=given["hosts"],
            note=given["note"],
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return _answer(made, status=201, headers={"Location": reverse("api:secret", args=[made.name])})


class OneSecret(ApiView):
    """`/secrets/{name}`"""

    scopes: ClassVar = {"GET": "secrets:read", "PATCH": "secrets:write", "DELETE": "secrets:write"}

    @describe("secrets_get", "Get a secret, without its value", answer=serializers.Secret, missing=True)
    def get(self, request: Request, secret: str) -> Response:
        Query(request, ())
        return _answer(_find(secret))

    @describe(
        "secrets_change",
        "Change where a secret may be sent, and its note",
        body=serializers.SecretChange,
        answer=serializers.Secret,
        missing=True,
    )
    def patch(self, request: Request, secret: str) -> Response:
        Query(request, ())
        found = _find(secret)
        given = read(request, serializers.SecretChange)
        changed = services.bind_secret(
            name=found.name,
            hosts=given.get("hosts", found.hosts),
            note=given.get("note"),
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return _answer(changed)

    @describe(
        "secrets_delete",
        "Delete a secret that no workflow uses",
        answer=serializers.DeletedSecret,
        missing=True,
        conflict=True,
    )
    def delete(self, request: Request, secret: str) -> Response:
        Query(request, ())
        name = _find(secret).name
        services.delete_secret(name=name, actor=self.caller.actor, now=timezone.now())
        return Response({"name": name, "deleted": True})


class SecretVersions(ApiView):
    """`/secrets/{name}/versions`"""

    scopes: ClassVar = {"POST": "secrets:write"}

    @describe(
        "secret_versions_create",
        "Rotate a secret",
        body=serializers.NewSecretValue,
        answer=serializers.Secret,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, secret: str) -> Response:
        Query(request, ())
        found = _find(secret)
        value = read(request, serializers.NewSecretValue)["value"]
        rotated = services.rotate_secret(name=found.name, value=value, actor=self.caller.actor, now=timezone.now())
        return _answer(rotated, status=201)


class SecretRestorations(ApiView):
    """`/secrets/{name}/restorations`"""

    scopes: ClassVar = {"POST": "secrets:write"}

    @describe(
        "secret_restorations_create",
        "Bring the value before the latest rotation back",
        answer=serializers.Secret,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, secret: str) -> Response:
        Query(request, ())
        found = _find(secret)
        restored = services.restore_secret(name=found.name, actor=self.caller.actor, now=timezone.now())
        return _answer(restored, status=201)


def _find(name: str) -> StoredSecret:
    found = None if "\x00" in name else StoredSecret.objects.filter(name=name).first()
    if found is None:
        raise not_found("Secret", name)
    return found


def _used_by() -> dict[str, list[str]]:
    return {name: [workflow.slug for workflow in users] for name, users in references.used_by().items()}


def _answer(secret: StoredSecret, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    data = serializers.Secret(secret, context={"used_by": _used_by()}).data
    return Response(data, status=status, headers=headers)
