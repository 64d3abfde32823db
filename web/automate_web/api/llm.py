"""What language models cost: the day's spend against its cap, every call, and the workspace's own prices."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate.llm import save_preferences
from automate_governance.errors import Invalid
from automate_llm.models import LedgerEntry, Preferences
from automate_llm.prices.lookup import as_of
from automate_llm.usage import usage_of
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.views import PAGE_PARAMETERS, ApiView

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
STATUSES = [str(status) for status in LedgerEntry.Status.values]


class Usage(ApiView):
    """`/llm/usage`"""

    scopes: ClassVar = {"GET": "policy:read"}

    @describe(
        "llm_usage_get",
        "Get a day's spend on language models",
        answer=serializers.LLMUsage,
        parameters=[query_parameter("day", "As 2026-11-22, in the workspace's zone; today without it.")],
    )
    def get(self, request: Request) -> Response:
        day = Query(request, ("day",)).text("day")
        return Response(serializers.LLMUsage(usage_of(_day(day), now=timezone.now())).data)


class Calls(ApiView):
    """`/llm/calls`"""

    scopes: ClassVar = {"GET": "policy:read"}

    @describe(
        "llm_calls_list",
        "List calls of language models",
        answer=serializers.LLMCall,
        is_list=True,
        parameters=[
            query_parameter("day", "As 2026-11-22, in the workspace's zone."),
            query_parameter("status", "One or more of " + ", ".join(STATUSES) + ", separated by commas."),
            query_parameter("run_id", "Made by this run."),
            query_parameter("model", "Exactly this model."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "day", "status", "run_id", "model"))
        entries = LedgerEntry.objects.all()
        if statuses := query.choices("status", STATUSES):
            entries = entries.filter(status__in=statuses)
        exact = {"day": _day(query.text("day")), "run_id": query.uuid("run_id"), "model": query.text("model")}
        entries = entries.filter(**{name: value for name, value in exact.items() if value is not None})
        return self.page(query, entries.defer("prompt", "answer"), serializers.LLMCall)


class LLMPreferences(ApiView):
    """`/llm/preferences`"""

    scopes: ClassVar = {"GET": "policy:read", "PUT": "policy:write"}

    @describe("llm_preferences_get", "Get prices and choices about models", answer=serializers.LLMPreferences)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return _answer(Preferences.objects.first() or Preferences())

    @describe(
        "llm_preferences_save",
        "Replace prices and choices about models",
        body=serializers.LLMPreferencesBody,
        answer=serializers.LLMPreferences,
    )
    def put(self, request: Request) -> Response:
        Query(request, ())
        given = request.data
        if not isinstance(given, dict) or not set(given) <= {"keeps_prompts", "prices"}:
            raise Invalid("Send an object with keeps_prompts and prices.")
        keeps_prompts, prices = given.get("keeps_prompts", False), given.get("prices", [])
        if not isinstance(keeps_prompts, bool) or not isinstance(prices, list):
            raise Invalid("`keeps_prompts` is true or false, `prices` a list.")
        saved = save_preferences(
            keeps_prompts=keeps_prompts, prices=prices, actor=self.caller.actor, now=timezone.now()
        )
        return _answer(saved)


def _answer(preferences: Any) -> Response:
    body = {"keeps_prompts": preferences.keeps_prompts, "prices": preferences.prices, "table_as_of": as_of()}
    return Response(serializers.LLMPreferences(body).data)


def _day(text: str | None) -> str | None:
    if text is not None and not _DAY.fullmatch(text):
        raise Invalid("`day` is a date, such as 2026-11-22.", details={"param": "day"})
    return text
