"""What is sent: about 1 KB of an order, each with a number of its own that the sink recognises."""

from __future__ import annotations

import json

ORDER = {
    "type": "order.created",
    "amount": 150,
    "currency": "EUR",
    "customer": {
        "id": "cus_1842",
        "email": "someone@example.com",
        "country": "DE",
        "tags": ["returning", "newsletter"],
    },
    "items": [
        {"sku": f"SKU-{number:05}", "name": f"Article number {number}", "quantity": number % 3 + 1, "price": 9.99}
        for number in range(10)
    ],
    "note": "Leave it with the neighbour if nobody opens. " * 3,
}
_REST = json.dumps(ORDER, separators=(",", ":"))[1:]


def body(number: int) -> bytes:
    """The JSON document with `"seq": number` in front."""
    return b'{"seq":%d,' % number + _REST.encode()
