"""The workflow every new workspace starts with: it runs for any JSON object, and shows what is possible."""

from __future__ import annotations

from typing import Any

SLUG = "sample"


def is_as_shipped(definition: dict[str, Any]) -> bool:
    """Whether this is the sample that nobody has edited, for whatever address of the echo endpoint.

    >>> shipped = sample_definition("http://localhost:8000/echo")
    >>> is_as_shipped(shipped), is_as_shipped({**shipped, "name": "Mine"}), is_as_shipped({})
    (True, False, False)
    """
    try:
        url, endpoint = definition["steps"][1]["params"]["url"], definition["trigger"]["endpoint"]
    except (KeyError, IndexError, TypeError):
        return False
    return definition == sample_definition(url, endpoint=endpoint)


def sample_definition(echo_url: str, *, endpoint: str = "default") -> dict[str, Any]:
    """Three steps: shape the event, send it to `echo_url`, log the answer.

    Its rule shows one, too: an event with `"skip": true` does not run, and its page says why.
    """
    return {
        "slug": SLUG,
        "name": "Sample: echo every event",
        "trigger": {"type": "webhook", "endpoint": endpoint},
        "rule": {"!==": [{"var": "payload.skip"}, True]},
        "steps": [
            {
                "id": "shape",
                "name": "Shape the event",
                "connector": "core",
                "action": "transform",
                "params": {
                    "value": {
                        "greeting": "Hello, {{ payload.name|default('world') }}!",
                        "event_id": "{{ event.id }}",
                        "received": "{{ payload }}",
                    }
                },
            },
            {
                "id": "echo",
                "name": "Send it to the echo endpoint",
                "connector": "http",
                "action": "request",
                "params": {"method": "POST", "url": echo_url, "json": "{{ steps.shape.output }}"},
                "idempotent": True,
            },
            {
                "id": "tell",
                "name": "Log the answer",
                "connector": "core",
                "action": "log",
                "params": {
                    "message": "{{ steps.shape.output.greeting }} The echo answered {{ steps.echo.output.status }}."
                },
            },
        ],
    }
