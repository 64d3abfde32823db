"""The forms of the `postgres` actions."""

from __future__ import annotations

from automate_connectors.fields import Field, boolean, integer, secret, text, texts
from automate_connectors.models import ActionSpec

MAX_ROWS = 1000

CONFIG: dict[str, Field] = {
    "host": text("Host", required=True, minLength=1, examples=["db.example.com"]),
    "port": integer("Port", default=5432, minimum=1, maximum=65535),
    "database": text("Database", required=True, minLength=1, examples=["shop"]),
    "user": text(
        "User", required=True, minLength=1, description="Best a role that may do no more than the step needs."
    ),
    "password": secret("Password", examples=[{"$secret": "SHOP_DB_PASSWORD"}]),
    "tls": text(
        "TLS",
        enum=["verify", "require", "off"],
        default="verify",
        description="verify: encrypted, and the server proves its name. require: encrypted only. off: in clear.",
    ),
    "ca_certificate": text(
        "CA certificate", format="textarea", description="PEM, where the server's is not signed by a public one."
    ),
}
_QUERY = text(
    "Statement",
    required=True,
    minLength=1,
    maxLength=100_000,
    format="textarea",
    description="One statement. Values go into `values` as %s or %(name)s, never into the text.",
    examples=["SELECT id, total FROM orders WHERE customer = %(customer)s"],
)
_VALUES: Field = {
    "type": ["object", "array"],
    "title": "Values",
    "description": "Bound to the statement's %s or %(name)s.",
    "examples": [{"customer": "{{ payload.customer }}"}],
}
_MAX_ROWS = integer("Rows at most", default=100, minimum=1, maximum=MAX_ROWS)
_OUT: dict[str, Field] = {
    "rows": {"type": "array", "title": "Rows", "items": {"type": "object"}, "description": "Column → value."},
    "columns": texts("Columns"),
    "row_count": integer("Rows in the answer"),
    "truncated": boolean("Cut short", description="There were more rows, or more bytes than an output holds."),
}

ACTIONS = {
    "query": ActionSpec(
        name="Query",
        description="Read rows. The transaction is read-only: a statement that writes is refused by the server.",
        inputs={**CONFIG, "query": _QUERY, "values": _VALUES, "max_rows": _MAX_ROWS},
        outputs=_OUT,
        effect="read",
    ),
    "execute": ActionSpec(
        name="Execute",
        description="Change rows, in one transaction. `RETURNING` answers with rows.",
        inputs={**CONFIG, "query": _QUERY, "values": _VALUES, "max_rows": _MAX_ROWS},
        outputs={**_OUT, "affected": integer("Rows changed")},
        effect="write",
        idempotency="none",
    ),
}
