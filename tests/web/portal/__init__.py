"""The portal's pages through Django's test client, on real PostgreSQL."""
