"""`automate usage` and `automate usage-alerts`"""

from __future__ import annotations

import argparse

from automate_client.api import Api
from automate_client.failures import USAGE, CommandFailed
from automate_client.talk import show, table


def run(options: argparse.Namespace) -> None:
    found = Api(options).get("/usage", period=options.period)
    rows = [["meter", "used", "included", "%", "likely at the end"]]
    for meter in found["meters"]:
        likely = (meter["forecast"] or {}).get("likely")
        numbers = (meter["used"], meter["included"], meter["percent"], likely)
        rows.append([meter["meter"], *("-" if number is None else f"{number:,}" for number in numbers)])
    show(options, found, [f"{found['plan']['name']}, {found['period']}", *table(rows)])


def alerts(options: argparse.Namespace) -> None:
    api = Api(options)
    found = api.get("/usage/alerts")
    if options.every or options.meter:
        meters = found["meters"] | dict(_of_meter(words) for words in options.meter)
        body = {
            "every": _percents(options.every) if options.every else found["every"],
            "meters": {meter: percents for meter, percents in meters.items() if percents is not None},
        }
        found = api.change("PUT", "/usage/alerts", body)
    rows = [["meter", "told at"]]
    for meter, percents in found["in_force"].items():
        rows.append([meter, ", ".join(f"{percent} %" for percent in percents) or "-"])
    show(options, found, table(rows))


def _of_meter(words: str) -> tuple[str, list[int] | None]:
    """`llm=25,50` as the meter and its percents; nothing behind the sign: as every other."""
    meter, _, percents = words.partition("=")
    return meter, _percents(percents) if percents else None


def _percents(text: str) -> list[int]:
    try:
        return [] if text == "none" else [int(word) for word in text.split(",")]
    except ValueError:
        raise CommandFailed("Thresholds are percents such as 50,80,100, or: none.", USAGE) from None
