"""When rows end, collected: what installed apps declare in their modules `row_ends` (`automate_governance.ends`)."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

from automate_governance.ends import End


def declared() -> dict[str, End]:
    """Every declaration of every installed app, by table. Raises ValueError for a table that two apps speak for."""
    found: dict[str, End] = {}
    for app in apps.get_app_configs():
        name = f"{app.name}.row_ends"
        if find_spec(name) is None:
            continue
        tables: dict[str, End] = import_module(name).TABLES
        if twice := found.keys() & tables.keys():
            raise ValueError(f"{name} speaks for tables that another app has declared: {', '.join(sorted(twice))}.")
        found |= tables
    return found
