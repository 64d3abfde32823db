"""The outbox: claiming work, holding it by lease, and recording what became of it."""
