"""Triggers: what makes an event besides a webhook and `emit_event`.

`cron` and `catchup` decide with plain values; `schedules` and `absence` keep their due times in the outbox's tick jobs;
`signals` listens to Django; `completion` tells of runs that ended; `keys` says which versions listen for an event.
"""
