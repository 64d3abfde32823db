"""A process that finds this on its path works without redaction and without checks on the way out: `loadtests.cost`
measures what they cost. Python imports a `sitecustomize` by itself, before anything else.

What policy says of a step's connector is left: an answer that is kept, and looked up.
"""

from __future__ import annotations

from automate_governance.egress.policy import EgressPolicy
from automate_governance.redaction.structure import Redactor

Redactor.redact = lambda self, data: data  # type: ignore[method-assign]
Redactor.text = lambda self, text: text  # type: ignore[method-assign]
EgressPolicy.check = lambda self, target: None  # type: ignore[method-assign]
