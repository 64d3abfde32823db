"""Ingest: what must be true of a request before it becomes an event. Used by `WebhookView` and by the hosted gateway.

`body`, `form`, `verify`, `dedupe`, `headers`, `trace` and `refusal` are Django-free and store nothing; `ingestor` and
`views` are Django's side of the same functions. Every refusal is a `NormalizedError` from `refusal`.
"""
