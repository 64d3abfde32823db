"""The plain project with rows of its own, and a custom signal that workflows may name."""

from tests.engine.plain import settings

SECRET_KEY = settings.SECRET_KEY
INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.engine.plain.shop"]
DATABASES = settings.DATABASES
DEFAULT_AUTO_FIELD = settings.DEFAULT_AUTO_FIELD
USE_TZ = settings.USE_TZ
ROOT_URLCONF = settings.ROOT_URLCONF
ALLOWED_HOSTS = settings.ALLOWED_HOSTS
DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "SIGNALS": {"custom": ["tests.engine.plain.shop.signals.order_paid"]}}
