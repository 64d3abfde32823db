"""`automate doctor`: what works here, and which promises do not hold. Ends with 1 when something is broken."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from automate_platform.cli import _django, data


def run(options: argparse.Namespace) -> int:
    _django.setup()
    from automate_platform.doctor import examine

    findings = examine()
    if options.json:
        data.show([asdict(finding) for finding in findings], as_json=True)
    else:
        for finding in findings:
            print(f"{finding.state:4}  {finding.subject:12} {finding.words}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0
