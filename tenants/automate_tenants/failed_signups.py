"""Workspaces that people wanted and did not get, by our fault: written down for operators, who can open them later."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from automate_tenants.models import FailedSignup

logger = logging.getLogger("automate.accounts")


def note(*, email: str, name: str, slug: str, error: BaseException | None, now: datetime) -> None:
    """After everything was rolled back. What cannot be written down now either stands in the log."""
    kind = f"{type(error).__name__}: {error}" if error else ""
    try:
        with transaction.atomic():
            FailedSignup.objects.create(
                email=email[:254], name=name[:80], slug=slug[:40], error=kind.partition("\n")[0][:300], at=now
            )
    except DatabaseError:
        logger.exception("that a workspace was not made could not be written down")


def settle(failed: FailedSignup, *, by: str, now: datetime) -> bool:
    """Mark it as dealt with; False when somebody else was first."""
    mine = FailedSignup.objects.filter(pk=failed.pk, settled_at=None)
    return bool(mine.update(settled_at=now, settled_by=by[:200]))
