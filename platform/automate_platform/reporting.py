"""Error reports to Sentry, when there is an address for them: redacted as a whole, without bodies, cookies or locals.

`DJANGO_AUTOMATE_SENTRY_DSN` (or `SENTRY_DSN`) turns it on. A report that cannot be made safe is not sent.
"""

from __future__ import annotations

from typing import Any

from automate_governance import tracing
from automate_governance.redaction import redact
from automate_governance.redaction.current import current_values


def start(dsn: str, *, release: str = "") -> None:
    """Send unforeseen errors to `dsn` from now on; nothing where it is empty."""
    if not dsn:
        return
    import sentry_sdk  # a tenth of a second of every start, for those alone who use it

    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        data_collection={  # a local variable, a header, a body may hold any secret
            "user_info": False,
            "cookies": {"mode": "off"},
            "http_headers": {"request": {"mode": "off"}},
            "http_bodies": [],
            "url_query_params": {"mode": "off"},
            "database_query_data": False,
            "stack_frame_variables": False,
            "frame_context_lines": 0,
        },
        traces_sample_rate=0.0,
        auto_session_tracking=False,
        before_send=scrub,  # type: ignore[arg-type]  # the SDK's own type of a dict
        before_breadcrumb=scrub,
    )


def scrub(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """The report without secrets; None, so that it is not sent, when that fails."""
    try:
        safe: dict[str, Any] = redact(event, current_values())
    except Exception:
        return None
    if trace_id := tracing.current():
        safe.setdefault("tags", {})["trace_id"] = trace_id
    return safe
