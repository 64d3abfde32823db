"""The product's WSGI application in this process, in the test's own transaction."""

from __future__ import annotations

import logging
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections


def in_our_transaction(application: Any) -> Any:
    """The application without the end of a request that would close the test's own connection, and without its log."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        logging.disable(logging.CRITICAL)  # the server's log would be elsewhere
        try:
            body = application(environ, start_response)
            content = list(body)
            body.close()
        finally:
            logging.disable(logging.NOTSET)
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)
        return content

    return answer
