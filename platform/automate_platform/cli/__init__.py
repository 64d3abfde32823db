"""The `automate` command: one module per noun, each loaded only when it is called, so that the gateway has no Django.

Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not allowed, 4 not found, 5 invalid or in
conflict, 6 limited, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from automate_governance.errors import NormalizedError
from automate_platform.cli import parser
from automate_platform.home import HomeUnusable

INTERRUPTED = 130
EXIT_OF_STATUS = {401: 3, 403: 3, 404: 4, 400: 5, 409: 5, 410: 5, 413: 5, 422: 5, 429: 6}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser.build().parse_args(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except NormalizedError as error:
        say(f"automate: {error.message} [{error.code}]")
        return EXIT_OF_STATUS.get(error.http_status, 1)
    except (CommandFailed, HomeUnusable) as error:
        say(f"automate: {error}")
        return getattr(error, "exit_code", 1)


def run(options: argparse.Namespace) -> int:
    module = importlib.import_module(f"automate_platform.cli.{options.module}")
    code: int = module.run(options)
    return code


class CommandFailed(Exception):
    """What a person did wrong or must mend, in words, with the exit code that programs see."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(line: str) -> None:
    """Talk: to stderr, at once."""
    print(line, file=sys.stderr, flush=True)
