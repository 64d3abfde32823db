"""A workflow started by a person: audited, past its rule, with a payload that can be stored."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from automate.execution.direct import start_direct
from automate.ingest.body import read_json
from automate.services import audit


@transaction.atomic
def start_by_hand(*, slug: str, payload: dict[str, Any], actor: str, now: datetime | None = None) -> UUID:
    """The id of a new run of workflow `slug`, whatever its trigger is.

    Raises NotFound, Conflict when no version is live, a Refusal when the payload cannot be stored faithfully.
    """
    read_json(json.dumps(payload, allow_nan=False).encode())
    run_id = start_direct(slug, payload)
    audit.record(
        actor=actor,
        action="workflow.run",
        resource=f"run:{run_id}",
        details={"slug": slug},
        now=now or timezone.now(),
    )
    return run_id
