"""A plain project with the engine's every app, set as one that strangers share: what the engine's own tests expect."""

from tests.engine.plain.settings import *  # noqa: F403

INSTALLED_APPS = ["automate", "automate_governance", "automate_llm"]
DJANGO_AUTOMATE = {"EMAIL": {"backend": "none"}, "SIGNALS": {"enabled": False}}
