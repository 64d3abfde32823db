"""The database backend: django-tenants' search_path switching, failing closed. See `base`."""
