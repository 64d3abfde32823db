"""Security headers of every page. Scripts, styles, fonts and connections come from this host alone, none inline."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase

from automate_web.addresses import lives_in_folders

UNUSED_FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
View = Callable[[HttpRequest], HttpResponseBase]
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'{form_hosts}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "manifest-src 'self'",
    ]
)


def security_headers(get_response: View) -> View:
    """Middleware. A view may set a stricter policy itself; it is kept."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY.format(form_hosts=_form_hosts(request)))
        response.headers.setdefault("Permissions-Policy", UNUSED_FEATURES)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def _form_hosts(request: HttpRequest) -> str:
    """Chromium holds the redirect after a form post to `form-action` too: log-in leads to `<workspace>.<base>`."""
    try:
        host = request.get_host()
    except DisallowedHost:  # a refused Host header: the answer is an error page without forms
        return ""
    if lives_in_folders(host):
        return ""
    return f" {request.scheme}://*.{host.partition('.')[2]}"
