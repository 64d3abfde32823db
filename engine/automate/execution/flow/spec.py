"""What a version says about flow control, parsed; and the key that an event has in it. Pure.

`concurrency`, `order`, `debounce` and `batch` of the definition stand in `WorkflowVersion.options`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from automate import templating

MAX_KEY = 150  # characters of a key's value; a longer one is hashed
WORKSPACE_KEY = "workspace:"  # of the one queue for all runs
NAMES = ("concurrency", "order", "debounce", "batch")


@dataclass(frozen=True)
class Concurrency:
    """At most `limit` runs of one key at the same time; one too many waits, or is skipped."""

    key: str = ""
    limit: int = 1
    on_limit: str = "wait"


@dataclass(frozen=True)
class Order:
    """Runs of one key one after the other. `on_stuck`: what those behind a held run do."""

    key: str = ""
    on_stuck: str = "wait"


@dataclass(frozen=True)
class Gather:
    """Events of one key make one run: the last of a burst (`size` is None), or `size` of them."""

    key: str
    seconds: float
    max_seconds: float | None  # debounce: a burst that does not end makes its run by then
    size: int | None  # batch

    @property
    def kind(self) -> str:
        return "batch" if self.size else "debounce"


@dataclass(frozen=True)
class Flow:
    concurrency: Concurrency | None
    order: Order | None
    gather: Gather | None


@dataclass(frozen=True)
class Caps:
    """Policy's `max_concurrent_runs`: of the run's workflow, of everything here."""

    workflow: int | None = None
    workspace: int | None = None

    def __bool__(self) -> bool:
        return self.workflow is not None or self.workspace is not None


NO_CAPS = Caps()


def caps_of(options: dict[str, Any], workspace: int | None) -> Caps:
    """The caps on runs of a version with these `options`, below the workspace's."""
    own = (options.get("policy") or {}).get("max_concurrent_runs")
    return Caps(own, workspace)


def parse_flow(options: dict[str, Any]) -> Flow | None:
    """The flow control of a published version; None when it has none."""
    if not any(options.get(name) for name in NAMES):
        return None
    gather = None
    if spec := options.get("debounce"):
        seconds = float(spec["seconds"])
        gather = Gather(spec.get("key", ""), seconds, float(spec.get("max_seconds", seconds * 10)), None)
    elif spec := options.get("batch"):
        gather = Gather(spec.get("key", ""), float(spec["seconds"]), None, int(spec["size"]))
    concurrency, order = options.get("concurrency"), options.get("order")
    return Flow(
        Concurrency(**concurrency) if concurrency else None,
        Order(**order) if order else None,
        gather,
    )


def key_of(template: str, workflow_id: UUID, context: dict[str, Any]) -> str:
    """The queue of this event: the workflow and what the key's template gives ("" is one queue for all).

    Raises templating.TemplateFailed when the event does not have what the template reads.
    """
    value = templating.render(template, context) if template else ""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = text.replace("\x00", "�")
    if len(text) > MAX_KEY:
        text = hashlib.sha256(text.encode()).hexdigest()
    return f"{workflow_id}:{text}"


def value_of(key: str) -> str:
    """The value in a queue's key, for people.

    >>> value_of("0190b0a0-0000-7000-8000-000000000001:acme:1")
    'acme:1'
    """
    return key.partition(":")[2]
