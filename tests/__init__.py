"""The tests, mirroring the source roots. See `support` for what they stand on: a real PostgreSQL, real processes."""
