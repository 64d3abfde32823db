"""`automate usage`"""

from __future__ import annotations

import argparse

from automate_client.api import Api
from automate_client.talk import show, table


def run(options: argparse.Namespace) -> None:
    found = Api(options).get("/usage", period=options.period)
    rows = [["meter", "used", "included", "%", "likely at the end"]]
    for meter in found["meters"]:
        likely = (meter["forecast"] or {}).get("likely")
        numbers = (meter["used"], meter["included"], meter["percent"], likely)
        rows.append([meter["meter"], *("-" if number is None else f"{number:,}" for number in numbers)])
    show(options, found, [f"{found['plan']['name']}, {found['period']}", *table(rows)])
