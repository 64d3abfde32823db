"""Valid definitions with every field there is, for tests that must hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Definitions = st.SearchStrategy[dict[str, Any]]

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["b", "a", "Ä"]), inner, max_size=2),
    max_leaves=4,
)
rules = st.none() | st.sampled_from(
    [{">": [{"var": "payload.total"}, 100]}, {"and": [{"!": [{"var": "payload.test"}]}, {"var": "payload.id"}]}]
)
triggers = st.sampled_from(
    [
        {"type": "event", "event_type": "order.created"},
        {"type": "webhook", "endpoint": "default"},
        {"type": "manual"},
        {"type": "schedule", "timezone": "Europe/Berlin", "cron": "30 2 * * *", "catch_up": "all", "overlap": "queue"},
        {"type": "workflow", "workflow": "another", "on": ["failed"]},
        {"type": "absence", "rule": None, "event_type": "beat", "after_seconds": 120},
    ]
)
flows = st.sampled_from(
    [
        {},
        {"concurrency": {"limit": 2, "on_limit": "skip", "key": "{{ payload.id }}"}},
        {"order": {"on_stuck": "park", "key": "{{ payload.id }}"}},
        {"debounce": {"seconds": 1.5, "max_seconds": 60, "key": "{{ payload.id }}"}},
        {"batch": {"size": 10, "seconds": 5, "key": "{{ payload.id }}"}},
    ]
)
policies = st.sampled_from([{}, {"policy": {"llm_budget_daily": "1.50", "connector_allowlist": ["core"]}}])
rule_tests = st.lists(  # each of the rules above matches such a payload
    st.builds(
        lambda name, total, event: {"expected": True, "payload": {"total": total, "id": 1}, "name": name, **event},
        texts.filter(bool),
        st.integers(101, 10**18) | st.floats(101, 10**6),
        st.sampled_from([{}, {"event": {"source": "api", "type": "other"}}]),
    ),
    max_size=3,
    unique_by=lambda case: case["name"],
)
retries = st.fixed_dictionaries(
    {},
    optional={
        "attempts": st.integers(1, 20),
        "base_seconds": st.integers(0, 9) | st.floats(0, 9),
        "factor": st.just(2),
        "cap_seconds": st.just(60),
        "retry_on": st.just(["timeout"]),
    },
)


def _calls(value: Any) -> dict[str, Any]:
    return {"connector": "core", "action": "transform", "params": {"value": value}}


plain_steps = st.builds(
    lambda value, more: {**_calls(value), **more},
    values,
    st.fixed_dictionaries(
        {},
        optional={
            "name": texts,
            "note": texts,
            "when": st.just({"var": "payload.total"}),
            "retry": retries,
            "timeout_seconds": st.integers(1, 900) | st.floats(0.5, 900),
            "idempotent": st.booleans(),
            "sample_output": values,
        },
    ),
)
graph_parts = st.fixed_dictionaries(
    {},
    optional={
        "needs": st.just([]),
        "foreach": st.fixed_dictionaries({"items": st.just([1, "two"])}, optional={"concurrency": st.integers(1, 100)}),
        "on_error": st.sampled_from(["fail", "continue"])
        | st.tuples(plain_steps, st.sampled_from(["fail", "continue"])),
        "compensate": st.builds(lambda value, retry: {**_calls(value), "retry": retry}, values, retries),
    },
)


def _numbered(step: dict[str, Any], parts: dict[str, Any], number: int) -> dict[str, Any]:
    found = {**step, **parts, "id": f"s{number}"}
    if isinstance(found.get("on_error"), tuple):
        handler, then = found["on_error"]
        found["on_error"] = {"then": then, "steps": [{**handler, "id": f"h{number}"}]}
    return found


@st.composite
def definitions(draw: st.DrawFn, slug: str = "order-flow") -> dict[str, Any]:
    """A definition that may be published, its keys in any order."""
    steps = draw(st.lists(st.tuples(plain_steps, graph_parts), min_size=1, max_size=3))
    document: dict[str, Any] = {
        "slug": slug,
        "name": draw(texts.filter(str.strip)),
        "trigger": draw(triggers),
        "steps": [_numbered(step, parts, number) for number, (step, parts) in enumerate(steps)],
        **draw(flows),
        **draw(policies),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "rule": rules,
                    "note": texts,
                    "tests": rule_tests,
                    "deadline_seconds": st.integers(1, 10**6) | st.floats(0.5, 10**6),
                    "finally": st.lists(plain_steps, max_size=2).map(
                        lambda found: [{**step, "id": f"f{number}"} for number, step in enumerate(found)]
                    ),
                },
            )
        ),
    }
    return dict(draw(st.permutations(list(document.items()))))
