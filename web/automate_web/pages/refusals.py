"""Refused requests in words: what was wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from automate.ingest.refusal import all_refusals
from automate_tenants.models import RefusalSample

FIXES = {kind.code: (kind.__doc__ or "").strip() for kind in all_refusals()}  # each says what is wrong and the way out


@dataclass(frozen=True)
class Refusal:
    """One refused request and its remedy; the remedy is empty where the message says it already."""

    sample: RefusalSample
    fix: str


def explain(sample: RefusalSample) -> Refusal:
    fix = FIXES.get(sample.code, "")
    return Refusal(sample, "" if not fix or fix.rpartition(". ")[2] in sample.message else fix.rpartition(". ")[2])
