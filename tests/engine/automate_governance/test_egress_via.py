"""Calls to private targets say that a workflow makes them; a server on this machine can tell them from people."""

from __future__ import annotations

import asyncio

import pytest

from automate_governance import egress
from automate_governance.egress import EgressPolicy
from automate_governance.egress.errors import InvalidTarget
from tests.support.sink import Sink


def test_only_a_private_target_is_told(http_sink: Sink) -> None:
    private = EgressPolicy(private_targets=(http_sink.target,))
    trusted = EgressPolicy(allow_ssrf=True, host_allowlist=(http_sink.target,))

    for policy in (private, trusted):
        asyncio.run(egress.request("GET", http_sink.url, policy=policy))

    assert [request.headers.get("via") for request in http_sink.received] == ["1.1 django-automate", None]


def test_it_cannot_be_given(http_sink: Sink) -> None:
    policy = EgressPolicy(private_targets=(http_sink.target,))

    with pytest.raises(InvalidTarget, match="set by the client"):
        asyncio.run(egress.request("GET", http_sink.url, policy=policy, headers={"VIA": "me"}))
