"""What goes wrong when a template is compiled or rendered."""

from __future__ import annotations

from automate_governance.errors import NormalizedError


class TemplateFailed(NormalizedError):
    """The template is refused, reads what is not there, or needs too much; `details.template` is its beginning."""

    code, http_status = "template_failed", 422
