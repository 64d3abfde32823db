"""Kept answers: opt-in per call, per tenant, sealed with the tenant's key, until their time is over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from automate_governance import crypto
from automate_llm import host
from automate_llm.completion import Completion
from automate_llm.models import CachedAnswer
from automate_llm.prices.price import Usage
from automate_llm.request import ChatRequest, ToolCall

LONGEST = timedelta(days=30)


def key_of(provider: str, base_url: str, request: ChatRequest) -> str:
    """The same for the same question to the same model at the same place; 64 hex digits."""
    text = json.dumps([provider, base_url, asdict(request)], sort_keys=True, ensure_ascii=False, default=dict)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find(key: str, *, now: datetime) -> Completion | None:
    """The kept answer, with the usage it once had; None where there is none, or none that can be opened."""
    row = CachedAnswer.objects.filter(pk=key, expires_at__gt=now).first()
    if row is None:
        return None
    try:
        opened = crypto.open_sealed(host.current().data_key(), bytes(row.sealed), aad=_aad(key))
    except crypto.Unsealable:
        return None
    return _completion(json.loads(opened))


def keep(key: str, completion: Completion, *, seconds: float, now: datetime) -> None:
    """Keep the answer, in place of an older one; those whose time is over make room."""
    plain = json.dumps(asdict(completion), ensure_ascii=False, default=dict).encode("utf-8", "replace")
    sealed = crypto.seal(host.current().data_key(), plain, aad=_aad(key))
    expires_at = now + min(timedelta(seconds=seconds), LONGEST)
    CachedAnswer.objects.update_or_create(key=key, defaults={"sealed": sealed, "expires_at": expires_at})
    CachedAnswer.objects.filter(expires_at__lt=now).delete()


def _completion(data: Mapping[str, Any]) -> Completion:
    return Completion(
        text=data["text"],
        model=data["model"],
        finish_reason=data["finish_reason"],
        usage=Usage(**data["usage"]) if data["usage"] else None,
        tool_calls=tuple(ToolCall(**call) for call in data["tool_calls"]),
        request_id=data["request_id"],
    )


def _aad(key: str) -> bytes:
    return b"llm-answer:" + key.encode()
