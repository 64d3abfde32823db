"""`automate audit verify`: whether the audit logs are what was written (exit code 1: one is not); `audit accept`."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from automate_platform.cli import _django, data

ACTOR = "operator:command line"


def run(options: argparse.Namespace) -> int:
    _django.setup()
    return _accept(options) if options.verb == "accept" else _verify(options)


def _accept(options: argparse.Namespace) -> int:
    from django.utils import timezone

    from automate_platform.cli.tenants import find
    from automate_tenants import audit_chain
    from automate_tenants.context import public_scope
    from automate_tenants.provisioning import ref

    with public_scope():
        tenant = ref(find(options.workspace))
    found = audit_chain.accept(tenant, actor=ACTOR, reason=options.reason, now=timezone.now())
    data.show({"workspace": tenant.slug, "findings": [finding.kind for finding in found]}, as_json=options.json)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from django.utils import timezone

    from automate_tenants import audit_chain

    verdicts = audit_chain.verify(options.workspace, now=timezone.now())
    findings = [{"workspace": v.workspace, **asdict(finding)} for v in verdicts for finding in v.findings]
    if options.json:
        examined = [{"workspace": v.workspace, "entries": v.entries, "findings": len(v.findings)} for v in verdicts]
        data.show({"examined": examined, "findings": findings}, as_json=True)
    else:
        for verdict in verdicts:
            state = "bad" if verdict.findings else "ok"
            print(f"{state:4}  {verdict.workspace:20} {verdict.entries} entries")
        for found in findings:
            print(f"{found['workspace']}: {found['kind']} at {found['seq'] or found['entry_id']}: {found['words']}")
    return 1 if findings else 0
