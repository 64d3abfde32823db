"""The forms of the `s3` actions."""

from __future__ import annotations

from automate_connectors.fields import Field, boolean, integer, mapping, secret, text
from automate_connectors.models import ActionSpec

MAX_GET_BYTES = 700_000  # as base64 it still fits one step's output

CONFIG: dict[str, Field] = {
    "access_key_id": text("Access key id", required=True, examples=[{"$secret": "S3_KEY_ID"}], secret=True),
    "secret_access_key": secret("Secret access key", required=True, examples=[{"$secret": "S3_SECRET"}]),
    "session_token": secret("Session token", description="With temporary credentials only."),
    "region": text("Region", default="us-east-1", pattern="^[a-z0-9-]+$", examples=["eu-central-1"]),
    "endpoint": text(
        "Endpoint",
        format="uri",
        pattern="^https?://[^/]+/?$",
        description="Of a service that is not Amazon's; it is called with the bucket in the path.",
        examples=["https://minio.example.com"],
    ),
    "bucket": text("Bucket", required=True, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", examples=["reports"]),
}
_OBJECT = text("Object", required=True, minLength=1, maxLength=1024, examples=["2026/11/{{ payload.id }}.json"])

ACTIONS = {
    "put_object": ActionSpec(
        name="Put object",
        description="Write an object. A repeat writes the same bytes.",
        inputs={
            **CONFIG,
            "object_key": _OBJECT,
            "content": text("Content", format="textarea", description="Text. This, or `content_base64` or `json`."),
            "content_base64": text("Content as base64"),
            "json": {"title": "Content as JSON", "description": "Any data."},
            "content_type": text("Content type", examples=["text/csv"]),
            "metadata": mapping(
                "Metadata",
                description="Texts kept with the object.",
                additionalProperties={"type": "string"},
                maxProperties=20,
            ),
            "overwrite": boolean("Replace what is there", default=True),
        },
        outputs={
            "bucket": text("Bucket"),
            "object_key": text("Object"),
            "etag": text("ETag"),
            "bytes": integer("Bytes"),
            "version_id": {
                "type": ["string", "null"],
                "title": "Version",
                "description": "Where the bucket keeps them.",
            },
        },
        effect="write",
        idempotency="native",
    ),
    "get_object": ActionSpec(
        name="Get object",
        description="Read an object whole, as text where it is text.",
        inputs={
            **CONFIG,
            "object_key": _OBJECT,
            "max_bytes": integer("Bytes at most", minimum=1, maximum=MAX_GET_BYTES, default=MAX_GET_BYTES),
        },
        outputs={
            "content": {"type": ["string", "null"], "title": "Text", "description": "null where it is not UTF-8."},
            "content_base64": {"type": ["string", "null"], "title": "Base64", "description": "Where it is not text."},
            "content_type": text("Content type"),
            "etag": text("ETag"),
            "bytes": integer("Bytes"),
            "metadata": mapping("Metadata"),
        },
        effect="read",
    ),
    "delete_object": ActionSpec(
        name="Delete object",
        description="Remove an object; one that is not there counts as removed.",
        inputs={**CONFIG, "object_key": _OBJECT},
        outputs={"deleted": boolean("Gone")},
        effect="irreversible",
        idempotency="native",
    ),
}
