"""`/echo`: answers with the request itself, so that a first workflow has somewhere to send to. Stores nothing."""

from __future__ import annotations

import orjson

from automate.ingest.headers import kept_headers
from automate_web.gateway.http import Request, Response


async def answer(request: Request) -> Response:
    """200 with the method, the harmless headers and the body (as JSON if it is JSON, else as text)."""
    raw = await request.body()
    body: object
    try:
        body = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        body = raw.decode("utf-8", "replace")
    seen = {"method": request.method, "headers": kept_headers(request.fields.items()), "body": body}
    return Response(200, orjson.dumps(seen), headers=[(b"x-content-type-options", b"nosniff")])
