"""The forms of the `github` actions. Source: GitHub's REST API reference."""

from __future__ import annotations

from automate_connectors.fields import Field, integer, mapping, secret, text, texts
from automate_connectors.models import ActionSpec

CONFIG: dict[str, Field] = {
    "token": secret(
        "Token",
        required=True,
        description="A fine-grained personal or app token with access to the repository.",
        examples=[{"$secret": "GITHUB_TOKEN"}],
    ),
    "api_url": text(
        "API",
        format="uri",
        pattern="^https?://",
        default="https://api.github.com",
        description="Another address for GitHub Enterprise Server.",
    ),
}
_REPOSITORY = text(
    "Repository", required=True, pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", examples=["octocat/hello-world"]
)
_TITLE = text("Title", maxLength=256, examples=["Order {{ payload.id }} failed"])
_BODY = text("Text", format="textarea", maxLength=65_000, description="Markdown.")
_LABELS = texts("Labels", examples=[["bug"]])
_ASSIGNEES = texts("Assignees", description="Log-in names.", maxItems=10)
_ISSUE_OUT: dict[str, Field] = {
    "number": integer("Number"),
    "id": integer("Id"),
    "html_url": text("Page", format="uri"),
    "state": text("State"),
    "title": text("Title"),
}

ACTIONS = {
    "create_issue": ActionSpec(
        name="Create issue",
        description="Open an issue. A repeat finds the one it made by a hidden mark.",
        inputs={
            **CONFIG,
            "repository": _REPOSITORY,
            "title": {**_TITLE, "required": True},
            "body": _BODY,
            "labels": _LABELS,
            "assignees": _ASSIGNEES,
            "milestone": integer("Milestone", minimum=1),
        },
        outputs=_ISSUE_OUT,
        effect="write",
        idempotency="check",
    ),
    "comment_issue": ActionSpec(
        name="Comment",
        description="Comment on an issue or a pull request. A repeat finds the one it made by a hidden mark.",
        inputs={
            **CONFIG,
            "repository": _REPOSITORY,
            "number": integer("Issue or pull request", required=True, minimum=1),
            "body": {**_BODY, "required": True, "minLength": 1},
        },
        outputs={"id": integer("Id"), "html_url": text("Page", format="uri")},
        effect="write",
        idempotency="check",
    ),
    "update_issue": ActionSpec(
        name="Update issue",
        description="Change what is given: close, rename, label, assign.",
        inputs={
            **CONFIG,
            "repository": _REPOSITORY,
            "number": integer("Issue", required=True, minimum=1),
            "state": text("State", enum=["open", "closed"]),
            "state_reason": text("Reason", enum=["completed", "not_planned", "duplicate", "reopened"]),
            "title": _TITLE,
            "body": _BODY,
            "labels": {**_LABELS, "description": "Replaces the labels there are."},
            "assignees": {**_ASSIGNEES, "description": "Replaces the assignees there are."},
        },
        outputs=_ISSUE_OUT,
        effect="write",
        idempotency="native",
    ),
    "get_issue": ActionSpec(
        name="Get issue",
        description="Read one issue.",
        inputs={**CONFIG, "repository": _REPOSITORY, "number": integer("Issue", required=True, minimum=1)},
        outputs=_ISSUE_OUT,
        effect="read",
    ),
    "dispatch_workflow": ActionSpec(
        name="Run workflow",
        description="Start a GitHub Actions workflow that has a `workflow_dispatch` trigger.",
        inputs={
            **CONFIG,
            "repository": _REPOSITORY,
            "workflow": text("Workflow", required=True, pattern=r"^[A-Za-z0-9._-]+$", examples=["deploy.yml"]),
            "ref": text("Branch or tag", default="main", minLength=1),
            "inputs": mapping("Inputs", maxProperties=25, examples=[{"environment": "staging"}]),
        },
        outputs={"dispatched": {"type": "boolean", "title": "Accepted"}},
        effect="write",
        idempotency="none",
    ),
    "dispatch_repository": ActionSpec(
        name="Repository event",
        description="Send a `repository_dispatch` event.",
        inputs={
            **CONFIG,
            "repository": _REPOSITORY,
            "event_type": text("Event type", required=True, minLength=1, maxLength=100, examples=["order-paid"]),
            "client_payload": mapping("Payload", maxProperties=10, examples=[{"order": "{{ payload.id }}"}]),
        },
        outputs={"dispatched": {"type": "boolean", "title": "Accepted"}},
        effect="write",
        idempotency="none",
    ),
}
