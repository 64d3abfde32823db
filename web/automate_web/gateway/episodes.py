"""Episodes: from an endpoint's first refusal until it has been quiet for 10 minutes; the audit log tells of both ends.

Here refusals become spans, one for each endpoint and flush. The state of an episode is in PostgreSQL, so any number of
gateways add to the same one, and one of them finds it quiet, also after all have restarted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from automate_web.gateway.link import Link
from automate_web.gateway.samples import Refused

QUIET = timedelta(minutes=10)  # as in the SQL functions
MAX_SPANS = 20_000


@dataclass(slots=True)
class _Span:
    first: Refused  # without what it held
    latest_at: datetime


class Episodes:
    """The spans that PostgreSQL does not know yet. Above 20,000, refusals of further endpoints are not noted."""

    def __init__(self) -> None:
        self._spans: dict[UUID, list[_Span]] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._spans)

    def note(self, sample: Refused) -> None:
        """Add a refusal; while the database is away one may come after quiet minutes: another span."""
        spans = self._spans.get(sample.endpoint_id)
        if spans and sample.received_at < spans[-1].latest_at + QUIET:
            spans[-1].latest_at = max(spans[-1].latest_at, sample.received_at)
        elif self._count < MAX_SPANS:
            self._spans.setdefault(sample.endpoint_id, []).append(
                _Span(replace(sample, content=None), sample.received_at)
            )
            self._count += 1

    async def write(self, link: Link) -> int:
        """Note the spans; how many of their episodes no audit log knows yet.

        Raises what `link` does; the spans then stay, and noting them again changes nothing.
        """
        noted = [(span, span.latest_at) for spans in self._spans.values() for span in spans]
        [row] = await link.run(
            "note_refusals",
            [span.first.tenant_id for span, _ in noted],
            [span.first.endpoint_id for span, _ in noted],
            [span.first.received_at for span, _ in noted],
            [latest_at for _, latest_at in noted],
            [span.first.code for span, _ in noted],
            [span.first.shown(span.first.message)[:500] for span, _ in noted],
            [span.first.trace_id for span, _ in noted],
            [span.first.ip for span, _ in noted],
        )
        for span, latest_at in noted:
            if span.latest_at == latest_at:  # else it grew meanwhile
                self._forget(span)
        return int(row["untold"])

    def _forget(self, span: _Span) -> None:
        spans = self._spans[span.first.endpoint_id]
        spans.remove(span)
        self._count -= 1
        if not spans:
            del self._spans[span.first.endpoint_id]
