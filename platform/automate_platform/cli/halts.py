"""`automate pause` and `automate resume`: the kill switches, from the installation down to one workflow."""

from __future__ import annotations

import argparse
from typing import Any

from automate_governance.errors import Invalid
from automate_platform.cli import _django, data

ACTOR = "operator:command line"


def run(options: argparse.Namespace) -> int:
    _django.setup()
    from automate_tenants.context import public_scope

    if options.workflow and not options.workspace:
        raise Invalid("--workflow needs --workspace.")
    with public_scope():
        data.show(_in_workspace(options) if options.workspace else _everywhere(options), as_json=options.json)
    return 0


def _everywhere(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate_tenants.halts import halt_installation, resume_installation, tell_workspaces

    now, halts = timezone.now(), options.verb == "pause"
    if halts:
        halt_installation(actor=ACTOR, now=now, reason=options.reason)
    else:
        resume_installation()
    reason = options.reason if halts else ""
    told = tell_workspaces(verb="halt" if halts else "resume", actor=ACTOR, now=now, reason=reason)
    return {"installation": "halted" if halts else "resumed", "audit_logs": told}


def _in_workspace(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate.services import halts
    from automate_platform.cli.tenants import find
    from automate_tenants.context import tenant_scope
    from automate_tenants.provisioning import ref

    tenant, now = find(options.workspace), timezone.now()
    told = {"workspace": tenant.slug, "workflow": options.workflow}
    with tenant_scope(ref(tenant)):
        if options.verb == "pause":
            halts.halt(actor=ACTOR, now=now, reason=options.reason, workflow=options.workflow)
            return {**told, "state": "halted"}
        woken = halts.resume(actor=ACTOR, now=now, workflow=options.workflow)
        return {**told, "state": "resumed", "runs_woken": woken}
