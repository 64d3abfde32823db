"""Standard Webhooks 1.0: `webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`, maybe several."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping

from automate.ingest.verify import secret_bytes, verify_signature


class StandardWebhooks:
    delivery_headers = ("webhook-id",)

    def verify(self, *, secrets: Iterable[str], headers: Mapping[str, str], raw: bytes, now_seconds: float) -> None:
        verify_signature(
            secrets=map(secret_bytes, secrets),
            raw=raw,
            webhook_id=headers.get("webhook-id"),
            timestamp=headers.get("webhook-timestamp"),
            signature=headers.get("webhook-signature"),
            now_seconds=now_seconds,
        )

    def sign(self, *, secret: str, raw: bytes, delivery: str, now_seconds: float) -> dict[str, str]:
        timestamp = str(int(now_seconds))
        key = secret_bytes(secret)
        assert isinstance(key, bytes)
        digest = hmac.digest(key, f"{delivery}.{timestamp}.".encode() + raw, "sha256")
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signature}
