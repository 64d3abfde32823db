"""How often a test key may be used."""

from __future__ import annotations

import pytest

from automate.ingest.refusal import RateLimited
from automate_web.gateway.trials import WINDOW_SECONDS, Trials


def test_a_key_has_its_allowance_in_each_minute() -> None:
    now = [100.0]
    trials = Trials(per_minute=2, clock=lambda: now[0])

    trials.admit(1), trials.admit(1), trials.admit(2)
    with pytest.raises(RateLimited) as refused:
        trials.admit(1)
    trials.admit(2)
    now[0] += WINDOW_SECONDS
    trials.admit(1)

    assert refused.value.details == {"limit": 2, "window_seconds": 60.0, "retry_after": 60, "whose": "test key"}
    assert refused.value.headers["Retry-After"] == "60"
