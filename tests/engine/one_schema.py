"""What tests import of tenants, replaced by the one schema of a plain project: imported before such tests are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone

from automate import host

PLATFORM = ("automate_billing", "automate_platform", "automate_tenants", "automate_web")


def replace(name: str, **contents: Any) -> None:
    """From now on `import name` gives a package with these contents."""
    module = ModuleType(name)
    module.__path__ = []  # a package, as far as imports are concerned
    module.__dict__.update(contents)
    sys.modules[name] = module


class NoPlatform(MetaPathFinder):
    """Importing anything else of the platform skips the test, or the whole module, that does it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in PLATFORM:
            pytest.skip(f"needs {fullname} of the hosted platform", allow_module_level=True)
        return None


class OneSchema:
    """Stands where a workspace stands. A test that asks for more of it than its scope is about tenants: skipped."""

    @property
    def ref(self) -> OneSchema:
        return self

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"needs a workspace's {name}")


def end_leases() -> None:
    """Every lease has run out, and what it held is taken back."""
    from automate.models import OutboxJob  # the apps are ready by now

    past = timezone.now() - timedelta(seconds=1)
    OutboxJob.objects.filter(status="CLAIMED").update(lease_expires_at=past)
    host.current().outbox().tend()


replace("automate_tenants")
replace("automate_tenants.context", tenant_scope=lambda ref: nullcontext())
replace("automate_tenants.dispatch")
replace("automate_tenants.dispatch.store", DispatchStore=lambda: host.current().outbox())
replace("tests.support.workspaces", Workspace=OneSchema)
replace("tests.support.dispatch", ring=lambda ref: None, end_leases=end_leases)
sys.meta_path.insert(0, NoPlatform())
