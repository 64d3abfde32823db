"""Redaction: what is shown and kept for showing holds no secret. Three nets, each catching what the others miss:

by name      `{"api_key": …}`, headers, query strings, `password=…` in text: `names`, `text`
by pattern   card numbers, IBANs, tokens and keys whose shape tells what they are: `patterns`
by value     secrets the caller knows, also in their usual encodings: `values`

Redact before you cut: a cut through a secret leaves a part that no net knows.
"""

from automate_governance.redaction.names import is_sensitive_name
from automate_governance.redaction.patterns import MASK
from automate_governance.redaction.structure import Redactor, redact, redact_text

__all__ = ["MASK", "Redactor", "is_sensitive_name", "redact", "redact_text"]
