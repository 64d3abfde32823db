"""Every URL of the operators' host; none of them exists on any other, and nothing of the product exists here."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from automate_platform.operators import rows, workspaces
from automate_platform.operators.site import site

_ = (rows, workspaces)  # they register themselves
urlpatterns = [path("", site.urls)]


def _plain(status: int, words: str) -> Any:
    def answer(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")

    return answer


handler400 = _plain(400, "This request could not be read.")
handler403 = _plain(403, "You may not do this.")
handler404 = _plain(404, "There is no such page for operators.")
handler500 = _plain(500, "Something failed; the log says what, under the trace id of this answer.")
