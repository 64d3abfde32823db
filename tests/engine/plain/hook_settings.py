"""The plain project with webhooks: one API key, and one private address that workflows may call (both from HOOKS)."""

import json
import os

from tests.engine.plain import settings

SECRET_KEY = settings.SECRET_KEY
INSTALLED_APPS = settings.INSTALLED_APPS
DATABASES = settings.DATABASES
DEFAULT_AUTO_FIELD = settings.DEFAULT_AUTO_FIELD
USE_TZ = settings.USE_TZ
ROOT_URLCONF = settings.ROOT_URLCONF
ALLOWED_HOSTS = settings.ALLOWED_HOSTS
_HOOKS = json.loads(os.environ["HOOKS"])
DJANGO_AUTOMATE = {
    **settings.DJANGO_AUTOMATE,
    "INGEST": {"API_KEY_HASHES": [_HOOKS["key_hash"]]},
    "POLICY": {"private_targets": [_HOOKS["target"]]},
}
