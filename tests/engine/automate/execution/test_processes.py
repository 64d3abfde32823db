"""Connectors in processes of their own: what must be masked there is known there."""

from __future__ import annotations

import contextvars
import pickle
from typing import Any

from automate.execution import processes
from automate_governance.egress.bound_secrets import bound_secrets, carried
from automate_governance.redaction import redact_text
from automate_governance.redaction.current import current_values, masking_emails, taken
from automate_governance.secrets import SecretValue
from tests.engine.automate.execution.conftest import scripted

__all__ = ["scripted"]  # the fixture


def test_a_process_masks_the_steps_secrets_and_what_its_policy_says(scripted: Any) -> None:
    said: list[str] = []

    def script(params: dict[str, Any], context: dict[str, Any]) -> None:
        said.append(redact_text("for ann@example.com with s3cret-value", current_values()))

    scripted.script = staticmethod(script)
    with bound_secrets([SecretValue("s3cret-value", ("api.example.com",))]), masking_emails():
        known = pickle.loads(pickle.dumps((carried(), taken())))  # as the pool sends it

    context = {"step_id": "a", "idempotency_key": "k", "attempt": 1}
    for what in (((), ((), False)), known):
        outcome = contextvars.Context().run(processes._call, "scripted", "read", {}, context, what)
        assert not outcome.failure

    assert said == ["for ann@example.com with s3cret-value", "for ******** with ********"]
