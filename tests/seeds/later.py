"""Sentences that no test holds yet, and with which part of the product they come."""

from __future__ import annotations

WITH_THE_STUDIO = "not yet: with the Studio"
LATER: tuple[tuple[str, str, str], ...] = (
    ("how-to", "Navigate to /studio/wizard/.", WITH_THE_STUDIO),
    (
        "how-to",
        'Drafting: Use the AI Copilot ("When a high value order comes in...") to generate a skeleton.',
        WITH_THE_STUDIO,
    ),
    (
        "how-to",
        "Refining: Drag nodes to rearrange. Click a node to edit its JSON config properties.",
        WITH_THE_STUDIO,
    ),
)  # (page, sentence, when)
