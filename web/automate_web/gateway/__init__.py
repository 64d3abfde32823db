"""The gateway: the process that owns the port. ASGI, no Django.

It answers `/hooks/<token>` (an event is committed before its 202), `/live/` (what changed, as server-sent events),
`/echo`, `/healthz` and `/readyz` itself, and streams everything else to the web process.
"""
