"""The workspace's policy: read, replaced, tried against the last 24 hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate.policy import Policy, Stored, blocked_since, effective_policy, save_policy, stored_policy
from automate.policy.preview import would_have_blocked
from automate.policy.rules import BUDGETS
from automate_governance.errors import Invalid
from automate_web import filters
from automate_web.api import serializers
from automate_web.api.documentation import describe
from automate_web.api.errors import PreconditionRequired
from automate_web.api.query import Query
from automate_web.api.views import ApiView

_LIMITS = ("webhook_rate", "api_rate", "max_concurrent_runs", "runs_daily", "runs_monthly")


class WorkspacePolicy(ApiView):
    """`/policy`"""

    scopes: ClassVar = {"GET": "policy:read", "PUT": "policy:write"}

    @describe("policy_get", "Get the policy", answer=serializers.PolicyDetail, etag=True)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return _answer(stored_policy())

    @describe(
        "policy_save",
        "Replace the workspace's policy",
        body=serializers.PolicyRules,
        answer=serializers.PolicyDetail,
        conflict=True,
        if_match=True,
    )
    def put(self, request: Request) -> Response:
        Query(request, ())
        return _answer(
            save_policy(
                document=_document(request),
                expected_revision=_expected_revision(request),
                actor=self.caller.actor,
                now=timezone.now(),
            )
        )


class PolicyPreviews(ApiView):
    """`/policy-previews`"""

    scopes: ClassVar = {"POST": "policy:read"}

    @describe(
        "policy_previews_create",
        "See what a policy would have blocked",
        body=serializers.PolicyRules,
        answer=serializers.PolicyPreview,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        found = would_have_blocked(effective_policy(_document(request)), since=timezone.now() - timedelta(hours=24))
        return Response(serializers.PolicyPreview({"would_have_blocked": found}).data)


def _document(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Invalid("A policy is a JSON object.")
    return dict(request.data)


def _answer(stored: Stored) -> Response:
    policy = effective_policy()
    body = {
        "document": stored.document,
        "revision": stored.revision,
        "updated_at": stored.updated_at,
        "updated_by": stored.updated_by,
        "in_force": _in_force(policy),
        "blocked": blocked_since(timezone.now() - timedelta(days=7)),
    }
    return Response(serializers.PolicyDetail(body).data, headers={"ETag": f'"{stored.revision}"'})


def _in_force(policy: Policy) -> dict[str, Any]:
    """Each limit that holds, with the layer that sets it."""
    limits = {name: policy.limit(name) for name in _LIMITS}
    shown: dict[str, Any] = {
        name: {"value": limit.value, "layer": limit.layer} for name, limit in limits.items() if limit is not None
    }
    for name in BUDGETS:
        if budget := policy.budget(name):
            shown[name] = {"value": str(budget[0]), "layer": budget[1]}
    if layer := policy.mask_emails:
        shown["mask_emails"] = {"value": True, "layer": layer}
    for name in ("connector_allowlist", "host_allowlist", "outbound_rates", "endpoint_rates"):
        said = {layer.name: getattr(layer.rules, name) for layer in policy.layers}
        shown[name] = [
            {"value": dict(value) if isinstance(value, dict) else list(value), "layer": layer}
            for layer, value in said.items()
            if value and tuple(value) != ("*",)
        ]
    return shown


def _expected_revision(request: Request) -> int:
    """The revision in `If-Match`; `*` is whichever is there. Raises PreconditionRequired, Invalid."""
    value = request.META.get("HTTP_IF_MATCH", "").strip()
    if not value:
        raise PreconditionRequired(
            'Say which revision you saw: send `If-Match: "<revision>"`, or `If-Match: *` for whichever is there.',
            details={"param": "If-Match", "revision": stored_policy().revision},
        )
    if value == "*":
        return stored_policy().revision
    number = filters.whole_number(value.strip('"'))
    if number is None:
        raise Invalid('If-Match must be an ETag or a revision, such as "3".', details={"param": "If-Match"})
    return number
