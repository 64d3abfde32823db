"""Dispatch: one shared fleet over every tenant's outbox. The SQL is in `sql/`; this is the worker's side of it."""
