"""What ends a command other than success, with the exit code that programs see."""

from __future__ import annotations

FAILED, USAGE, NOT_ALLOWED, NOT_FOUND, INVALID, LIMITED, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130
EXIT_OF_STATUS = {
    400: INVALID, 401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 409: INVALID, 410: INVALID, 412: INVALID,
    413: INVALID, 415: INVALID, 422: INVALID, 428: INVALID, 429: LIMITED,
}  # fmt: skip


class CommandFailed(Exception):
    """What a person did wrong or must mend, in words, with the exit code that programs see."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Finished(Exception):
    """The command is done before its end: a dry run has said what it would do."""
