"""Test a connection: reach the other side as a step would, change nothing there, and say in words what happened.

The same rules hold as for a step: the connector and host allowlists, who may use secrets, the hosts of a secret. A
refusal or a failure is an outcome and no error; only what was asked wrongly is one. No value of a secret is in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automate import host, secrets
from automate.execution.secrets import put_in, refuse_foreign_target
from automate.policy import effective_policy
from automate.policy.decision import WHOSE
from automate.policy.effective import Policy
from automate.secrets import references
from automate.services import audit
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError
from automate_governance.egress import Egress, bound_secrets, parse_target
from automate_governance.egress.errors import EgressError
from automate_governance.errors import Invalid, NormalizedError, NotFound
from automate_governance.redaction import redact_text
from automate_governance.secrets import SecretNotAllowed, SecretValue

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """`code`: "ok", or that of the error that a step would have ended with. `next`: what would help, in words."""

    is_ok: bool
    code: str
    message: str
    next: str
    took_ms: int


def testable() -> dict[str, ActionSpec]:
    """What a test of each connector takes, of those that have one."""
    return {code: adapter.connection for code, adapter in registry.all().items() if adapter.connection is not None}


def test_connection(*, connector: str, params: Mapping[str, Any], actor: str, now: datetime) -> Outcome:
    """Test it now, for at most ten seconds; leaves an audit entry. Raises NotFound, Invalid."""
    adapter = registry.all().get(connector)
    if adapter is None or adapter.connection is None:
        raise NotFound("There is no such connector, or nothing of it can be tested.")
    _refuse_typed_secrets(adapter.connection, params)
    started = time.monotonic()
    names = sorted(references.names_in(dict(params)))
    try:
        said = _test(adapter, dict(params), names, actor)
    except NormalizedError as error:
        if error.code == "invalid_params":
            raise Invalid(error.message, details=error.details) from None
        outcome = Outcome(False, error.code, error.message, _next(error), _since(started))
    else:
        outcome = Outcome(True, "ok", said, "", _since(started))
    details = {"connector": connector, "target": _target(params), "refers_to": names, "code": outcome.code}
    audit.record(actor=actor, action="connection.test", resource=f"connector:{connector}", details=details, now=now)
    return outcome


def _test(adapter: ConnectorAdapter, params: dict[str, Any], names: list[str], actor: str) -> str:
    """The connector's own sentence. Raises NormalizedError, redacted."""
    policy = effective_policy()
    _refuse_denied(adapter, policy)
    values = {name: _read(name, actor) for name in names}
    known = [value.value for value in values.values()]
    context = {
        "timeout_seconds": TIMEOUT_SECONDS,
        "secrets": {name: value.value for name, value in values.items()},
        "egress": Egress(policy.egress, pool_key=f"test:{host.current().scope_name()}"),
    }
    try:
        refuse_foreign_target(params, values)
        with bound_secrets(values.values()):
            return redact_text(adapter.test(put_in(params, values), context), known)
    except NormalizedError as error:
        error.message = redact_text(error.message, known)
        raise


def _refuse_denied(adapter: ConnectorAdapter, policy: Policy) -> None:
    layers = [policy.connector_denial(adapter.code, action) for action in adapter.actions]
    if layers and None not in layers:
        message = f"The connector allowlist of {WHOSE[str(layers[0])]} names none of the actions of {adapter.name}."
        raise ConnectorError(message, code="connector_not_allowed", details={"layer": layers[0]})


def _read(name: str, actor: str) -> SecretValue:
    if not host.current().may_use_secret(actor, name):
        raise SecretNotAllowed("You may not use secrets in this workspace.", details={"name": name})
    return secrets.backend().read(name)


def _refuse_typed_secrets(spec: ActionSpec, params: Mapping[str, Any]) -> None:
    """A value that is typed in would pass through forms and logs: only stored ones are used."""
    for name, field in spec.inputs.items():
        value = params.get(name)
        if field.get("secret") and value is not None and not references.names_in(value):
            words = f'`{name}` takes a reference to a stored secret, {{"$secret": "NAME"}}.'
            raise Invalid(words, details={"param": name})


def _target(params: Mapping[str, Any]) -> str:
    """Host and port, for the audit log: a URL may hold more than that."""
    try:
        target = parse_target(str(params["url"]))
    except (KeyError, EgressError):
        return str(params.get("host") or params.get("endpoint") or "")[:200]
    return f"{target.host}:{target.port}"


def _next(error: NormalizedError) -> str:
    """What to do about it."""
    status = error.details.get("status")
    if error.details.get("reason") == "secret_host":
        return "Add the host to those of the secret, or test the host that it is for."
    if error.code == "connector_not_allowed" or error.details.get("rule") == "host_allowlist":
        return "Add it to the allowlist on the Policies page, or ask whoever runs this installation."
    if error.code == "egress_denied":
        return "Private and local addresses are never called; use a public address."
    if status in (401, 403):
        return "The other side is there and refuses the credentials: check the secret, and what it is allowed to do."
    if status == 404:
        return "The other side is there and knows no such path: check the URL."
    return _NEXT.get(error.code, "")


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


_NEXT = {
    "name_not_resolved": "Check how the host is spelled.",
    "connect_failed": "Check the port, and that the other side's firewall lets this installation in.",
    "tls_failed": "The certificate is expired, self-signed or for another name: mend it there.",
    "timeout": "It was reached and did not answer within ten seconds: see whether it is busy.",
    "secret_not_found": "Store the secret under this name first.",
}
