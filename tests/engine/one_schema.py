"""What tests import of tenants, replaced by the one schema of a plain project: imported before such tests are."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import ModuleType
from typing import Any

from automate import host


def replace(name: str, **contents: Any) -> None:
    """From now on `import name` gives a package with these contents."""
    module = ModuleType(name)
    module.__path__ = []  # a package, as far as imports are concerned
    module.__dict__.update(contents)
    sys.modules[name] = module


replace("automate_tenants")
replace("automate_tenants.context", tenant_scope=lambda ref: nullcontext())
replace("automate_tenants.dispatch")
replace("automate_tenants.dispatch.store", DispatchStore=lambda: host.current().outbox())
