"""A plain Django project that uses the engine alone: one schema, no tenants. The database comes from PLAIN_DATABASE."""

import json
import os

SECRET_KEY = "a plain project's key, for tests only"
INSTALLED_APPS = ["automate", "automate_llm"]
DATABASES = {"default": json.loads(os.environ["PLAIN_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
ROOT_URLCONF = "tests.engine.plain.urls"
ALLOWED_HOSTS = ["*"]
DJANGO_AUTOMATE = {"EXECUTION": {"batch_size": 10, "lease_seconds": 5}}
