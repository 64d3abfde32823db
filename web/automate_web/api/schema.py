"""The OpenAPI 3.1 document: made from the views, checked in as `openapi.json`, and served from that file.

`automate_openapi` writes the file; a test fails when it is behind the code, or breaks clients of the last release.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings

from automate import definitions
from automate.ingest.refusal import MethodNotAllowed
from automate_web.api.errors import error_response

FILE = Path(__file__).with_name("openapi.json")
RELEASED = Path(__file__).with_name("openapi-released.json")  # of the last release: what clients may rely on
SETTINGS = {
    "TITLE": "Django Automate",
    "VERSION": "1",
    "DESCRIPTION": "Send events, watch runs, change workflows. "
    "A key names the workspace: `Authorization: Bearer am_live_...`.\n\n"
    "Every error is `{code, message, details, trace_id}`; codes are stable. v1 changes only by adding.",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "TeamRoleEnum": "automate_tenants.models.Membership.Role",
        "GivenTeamRoleEnum": "automate_web.api.team.GIVEN",
        "BulkAction": "automate.models.RunBulk.Action",
        "BulkStatus": ["running", "succeeded", "failed", "cancelled", "dry_run"],
        "BacktestStatus": "automate.models.StoredBacktest.Status",
        "RunStatus": "automate.models.ExecutionRun.Status",
        "StepStatus": "automate.models.StepRun.Status",
        "MatchResult": "automate.models.MatchDecision.Decision",
        "WaitKind": "automate.models.RunWait.Kind",
        "QueueKind": ["slot", "order", "halt"],
        "Answer": ["approve", "reject"],
        "OutcomeEnum": ["denied", "waited"],
        "ImportOutcome": ["created", "updated", "unchanged"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "automate_web.api.schema.add_definition",
    ],
    "TAGS": [
        {"name": "events", "description": "What happened, and what was decided about it."},
        {"name": "runs", "description": "What was done, step by step."},
        {"name": "approvals", "description": "Questions to people that runs wait for."},
        {"name": "failures", "description": "What failed and nobody has dealt with."},
        {"name": "notifications", "description": "What members are told, and where it reaches them."},
        {"name": "halts", "description": "Kill switches: nothing runs, nothing is lost."},
        {"name": "workflows", "description": "What shall be done: drafts, and the versions that run."},
    ],
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the document how to authenticate."""

    target_class = "automate_web.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key (`am_live_...`) with scopes."}


def add_definition(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The published JSON Schema of a workflow definition, as the component `Definition`."""
    schema = {key: value for key, value in definitions.schema().items() if key not in {"$schema", "$id"}}
    moved = json.dumps(schema).replace('"#/$defs/', '"#/components/schemas/Definition/$defs/')
    result["components"]["schemas"]["Definition"] = json.loads(moved)
    return result


def document() -> dict[str, Any]:
    """The document as the code has it now."""
    patterns = [path("api/v1/", include("automate_web.api.urls"))]
    spectacular_settings.apply_patches(SETTINGS)  # type: ignore[no-untyped-call]
    try:
        made: dict[str, Any] = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    finally:
        spectacular_settings.clear_patches()  # type: ignore[no-untyped-call]
    return made


def as_text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2, sort_keys=False, default=str) + "\n"


@csrf_exempt
def serve(request: HttpRequest) -> HttpResponse:
    """`/openapi.json`: the checked-in file, open to everyone."""
    if request.method not in {"GET", "HEAD"}:
        return error_response(request, MethodNotAllowed("This resource does not answer that method."))
    content, etag = _content()
    if request.META.get("HTTP_IF_NONE_MATCH") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return HttpResponse(content, content_type="application/json", headers=headers)


@lru_cache(maxsize=1)
def _content() -> tuple[bytes, str]:
    content = FILE.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'
