"""The policy that holds: installation ceiling → plan → tenant → workflow, the strictest wins. Pure.

Nothing is thrown away in the merge: an allowlist must be passed in every layer, a limit is the smallest of all, and
each answer can say which layer it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from automate.policy.rules import HOLD, REJECT, Rules
from automate_governance.egress import EgressPolicy, Target, covers


@dataclass(frozen=True)
class Layer:
    """One layer's rules; `name` is one of `rules.LAYERS`, `key` tells apart what counts on its own (a workflow)."""

    name: str
    rules: Rules
    key: str = ""


@dataclass(frozen=True)
class Limit:
    """The strictest value of a rule and the layer that set it."""

    value: int
    layer: str


@dataclass(frozen=True)
class HostRate:
    """A rate of outbound calls: those to hosts that match `pattern` share it, all that `layer` covers."""

    layer: str
    key: str
    pattern: str
    per_minute: int


@dataclass(frozen=True)
class Policy:
    """Layers from the ceiling down. Equal policies are equal values."""

    layers: tuple[Layer, ...] = ()

    def limit(self, rule: str) -> Limit | None:
        """The smallest of the layers' values of a rule that is a whole number; the highest layer on a tie."""
        found = [(getattr(layer.rules, rule), position) for position, layer in enumerate(self.layers)]
        values = [(value, position) for value, position in found if value is not None]
        if not values:
            return None
        value, position = min(values)
        return Limit(value, self.layers[position].name)

    def budget(self, rule: str) -> tuple[Decimal, str] | None:
        """The smallest amount of one of `rules.BUDGETS`, in US dollars, and the layer that set it."""
        values = [(getattr(layer.rules, rule), layer.name) for layer in self.layers]
        found = [(value, name) for value, name in values if value is not None]
        return min(found, key=lambda item: item[0]) if found else None

    @property
    def llm_budget_daily(self) -> tuple[Decimal, str] | None:
        """US dollars a day and the layer that set it."""
        return self.budget("llm_budget_daily")

    def own_budgets(self) -> dict[str, Decimal | None]:
        """The workflow's own LLM budgets, in dollars: the connector that spends counts them by workflow and by run."""
        return dict(self._own_budgets)

    @cached_property
    def _own_budgets(self) -> dict[str, Decimal | None]:
        own = next((layer.rules for layer in self.layers if layer.name == "workflow"), Rules())
        return {"llm_budget_daily": own.llm_budget_daily, "llm_budget_run": own.llm_budget_run}

    @property
    def mask_emails(self) -> str | None:
        """The highest layer that has e-mail addresses masked; None where none does."""
        return next((layer.name for layer in self.layers if layer.rules.mask_emails), None)

    @property
    def over_limit(self) -> str:
        """`hold` only where no layer that sets a webhook rate says `reject`: the strictest wins."""
        said = [layer.rules.over_limit for layer in self.layers if _has_webhook_rate(layer.rules)]
        return HOLD if said and REJECT not in said else REJECT

    def endpoint_limit(self, slug: str) -> Limit | None:
        """What one webhook endpoint may take in 60 s, by its own name or by `*`."""
        found = []
        for position, layer in enumerate(self.layers):
            rates = layer.rules.endpoint_rates
            value = rates.get(slug, rates.get("*"))
            if value is not None:
                found.append((value, position))
        return Limit(min(found)[0], self.layers[min(found)[1]].name) if found else None

    def connector_denial(self, connector: str, action: str) -> str | None:
        """The layer whose allowlist does not name this action; None when it may be used."""
        known = self._denials  # one answer for each action that a step names: few, and asked for at every step
        if (connector, action) not in known:
            known[connector, action] = self._connector_denial(connector, action)
        return known[connector, action]

    @cached_property
    def _denials(self) -> dict[tuple[str, str], str | None]:
        return {}

    def _connector_denial(self, connector: str, action: str) -> str | None:
        for layer in self.layers:
            if not any(_names_action(entry, connector, action) for entry in layer.rules.connector_allowlist):
                return layer.name
        return None

    def host_rates(self, target: Target) -> list[HostRate]:
        """The rates a call to `target` counts against: in each layer the one whose pattern is most specific."""
        found = []
        for layer in self.layers:
            patterns = [pattern for pattern in layer.rules.outbound_rates if covers(pattern, target)]
            if patterns:
                best = max(patterns, key=lambda pattern: (not pattern.startswith("*"), len(pattern)))
                found.append(HostRate(layer.name, layer.key, best, layer.rules.outbound_rates[best]))
        return found

    @cached_property
    def has_host_rates(self) -> bool:
        return any(layer.rules.outbound_rates for layer in self.layers)

    @cached_property
    def egress(self) -> EgressPolicy:
        """What every outbound call of a step is held to, redirects and all: the installation's targets, each layer's
        hosts."""
        ceiling = self.layers[0].rules if self.layers else Rules()
        return EgressPolicy(
            allow_ssrf=ceiling.allow_ssrf,
            private_targets=ceiling.private_targets,
            host_allowlist=ceiling.host_allowlist,
            further_allowlists=tuple(
                (layer.name, layer.rules.host_allowlist)
                for layer in self.layers[1:]
                if "*" not in layer.rules.host_allowlist
            ),
        )


def merge(layers: Iterable[Layer]) -> Policy:
    """The layers as one policy, from the ceiling down; layers that say nothing are left out, the first stays.

    >>> policy = merge([Layer("installation", Rules(webhook_rate=100)), Layer("tenant", Rules(webhook_rate=500))])
    >>> policy.limit("webhook_rate")
    Limit(value=100, layer='installation')
    """
    first, *rest = layers
    return Policy((first, *(layer for layer in rest if layer.rules != Rules())))


def _names_action(entry: str, connector: str, action: str) -> bool:
    return entry in ("*", connector, f"{connector}.*", f"{connector}.{action}")


def _has_webhook_rate(rules: Rules) -> bool:
    return rules.webhook_rate is not None or bool(rules.endpoint_rates)
