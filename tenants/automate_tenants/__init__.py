"""Tenants: workspaces, their members and keys, their schemas, and the dispatch of work over all of them."""
