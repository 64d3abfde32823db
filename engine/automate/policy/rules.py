"""What one layer of policy says: the document people write, its problems, and the typed `Rules` it becomes.

Every rule is optional; what is left out limits nothing. Names are those of `DJANGO_AUTOMATE["POLICY"]` (seeds,
"Policies & Governance"), the same in settings, plans, a workspace's policy and a workflow's `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from automate.definitions.problem import Problem, did_you_mean, pointer
from automate_governance.egress import EgressPolicy
from automate_governance.errors import Invalid

MAX_RATE = 1_000_000  # per minute
MAX_RUNS = 1_000_000_000  # in a day or a month
MAX_ENTRIES = 200  # of one list
_CONNECTOR = re.compile(r"\*|[a-z0-9_-]{1,60}(\.(\*|[a-z0-9_-]{1,60}))?")
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,60}")
REJECT, HOLD = "reject", "hold"
BUDGETS = ("llm_budget_daily", "llm_budget_workflow", "llm_budget_run")  # amounts of money
LAYERS = ("installation", "plan", "tenant", "workflow")  # from the ceiling down


@dataclass(frozen=True)
class Rules:
    """One layer's rules. `None` is no limit; rates are per 60 seconds in any sliding window, money is US dollars."""

    allow_ssrf: bool = False
    private_targets: tuple[str, ...] = ()
    connector_allowlist: tuple[str, ...] = ("*",)  # "*", "http", "http.request"
    host_allowlist: tuple[str, ...] = ("*",)  # see EgressPolicy
    outbound_rates: Mapping[str, int] = field(default_factory=dict)  # host pattern → calls per minute
    webhook_rate: int | None = None  # of all endpoints together
    endpoint_rates: Mapping[str, int] = field(default_factory=dict)  # endpoint slug, or "*" for each → per minute
    over_limit: str = REJECT  # or HOLD: accepted, and run later within the rate
    api_rate: int | None = None  # of each API key
    llm_budget_daily: Decimal | None = None  # of the workspace; in a workflow's own policy, of that workflow
    llm_budget_workflow: Decimal | None = None  # of each workflow a day, whatever its own policy says
    llm_budget_run: Decimal | None = None  # of each run
    max_concurrent_runs: int | None = None
    runs_daily: int | None = None  # that may begin in a day of the workspace's zone; more wait for the next
    runs_monthly: int | None = None
    mask_emails: bool = False  # e-mail addresses are redacted like secrets


_NAMES: dict[str, frozenset[str]] = {
    "installation": frozenset(Rules.__dataclass_fields__),
    "plan": frozenset(Rules.__dataclass_fields__) - {"allow_ssrf", "private_targets"},
    "tenant": frozenset(Rules.__dataclass_fields__) - {"allow_ssrf", "private_targets"},
    "workflow": frozenset(
        (
            *("connector_allowlist", "host_allowlist", "outbound_rates"),
            *("llm_budget_daily", "llm_budget_run", "max_concurrent_runs", "mask_emails"),
            *("runs_daily", "runs_monthly"),
        )
    ),
}


class InvalidPolicy(Invalid):
    """The policy has problems; `details.errors` lists every one as {path, code, message}. Nothing was changed."""

    code = "invalid_policy"

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        super().__init__(
            f"The policy cannot be used: {problems[0].path or 'as a whole'}: {problems[0].message}",
            details={"errors": [problem.as_dict() for problem in problems]},
        )


def names(layer: str) -> frozenset[str]:
    """The rules that a layer may set.

    >>> sorted(names("tenant") - names("workflow"))
    ['api_rate', 'endpoint_rates', 'over_limit', 'webhook_rate']
    """
    return _NAMES[layer]


def parse(document: Mapping[str, Any], *, layer: str) -> Rules:
    """The rules of a document. Raises InvalidPolicy with every problem found."""
    if problems := find_policy_problems(document, layer=layer):
        raise InvalidPolicy(problems)
    values: dict[str, Any] = {}
    for name, value in document.items():
        if value is None:
            continue
        if isinstance(value, (list, tuple)):
            value = tuple(value)
        elif name in BUDGETS:
            value = Decimal(str(value))
        values[name] = value
    return Rules(**values)


def find_policy_problems(document: Any, *, layer: str) -> list[Problem]:
    """Everything wrong with a layer's document; null is as good as left out."""
    if not isinstance(document, Mapping):
        return [Problem("", "malformed", "A policy is a JSON object.")]
    return [problem for name, value in document.items() for problem in _problems(str(name), value, layer)]


def _problems(name: str, value: Any, layer: str) -> Iterator[Problem]:
    here = pointer(name)
    if name not in _NAMES[layer]:
        known = sorted(_NAMES[layer])
        yield Problem(here, "unknown_rule", f'A {layer} policy has no rule "{name}".{did_you_mean(name, known)}')
    elif value is not None:
        yield from _CHECKS[name](here, value)


def _flag(here: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(here, "malformed", "This must be true or false.")


def _choice(here: str, value: Any) -> Iterator[Problem]:
    if value not in (REJECT, HOLD):
        yield Problem(here, "malformed", f'This must be "{REJECT}" or "{HOLD}".')


def _count(here: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_RATE:
        yield Problem(here, "malformed", f"This must be a whole number from 1 to {MAX_RATE:,}.")


def _quota(here: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_RUNS:
        yield Problem(here, "malformed", f"This must be a whole number from 0 to {MAX_RUNS:,}.")


def _money(here: str, value: Any) -> Iterator[Problem]:
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        yield Problem(here, "malformed", 'This must be an amount in US dollars from 0 to 1,000,000, such as "10.00".')


def _list(here: str, value: Any) -> list[Problem]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) for entry in value):
        return [Problem(here, "malformed", "This must be a list of texts.")]
    if len(value) > MAX_ENTRIES:
        return [Problem(here, "malformed", f"At most {MAX_ENTRIES} entries may be here.")]
    return []


def _connectors(here: str, value: Any) -> Iterator[Problem]:
    yield from (problems := _list(here, value))
    for position, entry in enumerate(value if not problems else ()):
        if not _CONNECTOR.fullmatch(entry):
            message = f'"{entry[:60]}" names no connector. Write "*", "http" or "http.request".'
            yield Problem(here + pointer(position), "malformed", message)


def _hosts(here: str, value: Any) -> Iterator[Problem]:
    yield from (problems := _list(here, value))
    for position, entry in enumerate(value if not problems else ()):
        yield from _host(here + pointer(position), entry)


def _host(here: str, entry: Any) -> Iterator[Problem]:
    try:
        EgressPolicy(host_allowlist=(entry,))
    except ValueError:
        message = f'"{str(entry)[:60]}" names no host. Write "api.stripe.com", "*.stripe.com" or either with ":port".'
        yield Problem(here, "malformed", message)


def _targets(here: str, value: Any) -> Iterator[Problem]:
    yield from (problems := _list(here, value))
    for position, entry in enumerate(value if not problems else ()):
        try:
            EgressPolicy(private_targets=(entry,))
        except ValueError as error:
            yield Problem(here + pointer(position), "malformed", str(error))


def _host_rates(here: str, value: Any) -> Iterator[Problem]:
    yield from _rates(here, value)
    for host in value if isinstance(value, Mapping) else ():
        yield from _host(here + pointer(str(host)), host)


def _endpoint_rates(here: str, value: Any) -> Iterator[Problem]:
    yield from _rates(here, value)
    for slug in value if isinstance(value, Mapping) else ():
        if slug != "*" and not _SLUG.fullmatch(str(slug)):
            yield Problem(here + pointer(str(slug)), "malformed", 'Write an endpoint\'s name, or "*" for each.')


def _rates(here: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping) or len(value) > MAX_ENTRIES:
        yield Problem(here, "malformed", f"This must be an object of at most {MAX_ENTRIES} names with their rates.")
        return
    for name, rate in value.items():
        yield from _count(here + pointer(str(name)), rate)


_CHECKS = {
    "allow_ssrf": _flag,
    "private_targets": _targets,
    "connector_allowlist": _connectors,
    "host_allowlist": _hosts,
    "outbound_rates": _host_rates,
    "webhook_rate": _count,
    "endpoint_rates": _endpoint_rates,
    "over_limit": _choice,
    "api_rate": _count,
    "llm_budget_daily": _money,
    "llm_budget_workflow": _money,
    "llm_budget_run": _money,
    "max_concurrent_runs": _count,
    "runs_daily": _quota,
    "runs_monthly": _quota,
    "mask_emails": _flag,
}
