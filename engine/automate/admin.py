"""Found by Django's admin. What is shown there needs the tables of `automate_governance`: without them, nothing is."""

from django.apps import apps

if apps.is_installed("automate_governance"):
    from automate import administration  # noqa: F401 - registers itself
