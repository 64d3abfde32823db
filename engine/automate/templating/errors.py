"""What goes wrong when a template is compiled or rendered."""

from __future__ import annotations

from automate_governance.errors import NormalizedError


class TemplateFailed(NormalizedError):
    """The template is refused, reads what is not there, or needs more than it may; `details.template` begins with it."""

    code, http_status = "template_failed", 422
