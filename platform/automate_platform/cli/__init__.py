"""The `automate` command: an operator's commands, one module per noun here, and the client's (`automate_client`).

Each is loaded only when it is called, so that the gateway has no Django and a person does not wait.

Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not allowed, 4 not found, 5 invalid or in
conflict, 6 limited, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from automate_client.commands import ended
from automate_client.completion import candidates
from automate_client.failures import EXIT_OF_STATUS, INTERRUPTED, CommandFailed
from automate_governance.errors import NormalizedError
from automate_platform.cli import parser
from automate_platform.home import HomeUnusable

__all__ = ["EXIT_OF_STATUS", "INTERRUPTED", "CommandFailed", "main", "run", "say"]


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:2] == ["complete", "--"]:  # asked by a shell at each Tab: whatever stands there must not be parsed
        print("\n".join(candidates(parser.build(), given[2:])))
        return 0
    options = parser.build().parse_args(given)
    if not hasattr(options, "module"):
        return ended(options)
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
    """An operator's command: `options.module` is under this package."""
    module = importlib.import_module(f"automate_platform.cli.{options.module}")
    code: int = module.run(options)
    return code


def say(line: str) -> None:
    """Talk: to stderr, at once."""
    print(line, file=sys.stderr, flush=True)
