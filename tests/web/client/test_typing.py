"""What can be typed: help with an example everywhere, guesses, completions, no secret in a flag, a quick start."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from automate_client.completion import SCRIPTS, candidates
from automate_client.parser import LIST_FLAGS
from automate_client.talk import painted
from automate_platform.cli import parser
from automate_web import filters

PROMISED = {
    "login", "whoami", "open", "listen", "usage", "doctor",
    *(f"workflows {verb}" for verb in ("list", "get", "export", "import", "validate", "diff", "publish", "rollback")),
    *(f"events {verb}" for verb in ("send", "list", "tail", "replay")),
    *(f"runs {verb}" for verb in ("list", "get", "watch", "retry", "cancel")),
    *(f"secrets {verb}" for verb in ("list", "set", "rotate")),
    *(f"keys {verb}" for verb in ("create", "roll", "revoke")),
}  # fmt: skip
SHARED = {"--json", "--workspace", "--profile", "--yes", "--dry-run", "--no-input", "--quiet"}


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name, parser
    for action in below:
        for word, one in action.choices.items():
            yield from commands(one, f"{name} {word}".strip())


@pytest.fixture(scope="module")
def known() -> dict[str, argparse.ArgumentParser]:
    return dict(commands(parser.build()))


def test_every_promised_command_is_there_with_the_shared_flags(known: dict[str, argparse.ArgumentParser]) -> None:
    assert set(known) >= PROMISED
    for name in PROMISED:
        assert set(known[name]._option_string_actions) >= SHARED, name


def test_every_command_has_an_example_that_can_be_typed(known: dict[str, argparse.ArgumentParser]) -> None:
    for name, one in known.items():
        assert one.epilog, name
        assert name in one.epilog, name


def test_no_flag_takes_a_secret(known: dict[str, argparse.ArgumentParser]) -> None:
    flags = {flag for one in known.values() for flag in one._option_string_actions}

    assert not flags & {"--key", "--value", "--secret", "--password", "--token", "--api-key"}


def test_list_flags_are_the_names_of_the_pages_filters() -> None:
    assert tuple(LIST_FLAGS) == filters.NAMES


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["rusn"], "runs"), (["runs", "wacth", "x"], "watch"), (["runs", "list", "--statsu", "x"], "--status")],
)
def test_what_was_mistyped_is_guessed(typed: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser.build().parse_args(typed)

    assert ended.value.code == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


def test_completion_offers_commands_flags_and_values() -> None:
    root = parser.build()

    assert candidates(root, ["run"]) == ["runs"]
    assert candidates(root, ["runs", ""]) == ["cancel", "get", "list", "retry", "watch"]
    assert candidates(root, ["runs", "list", "--s"]) == ["--since", "--status"]
    assert candidates(root, ["keys", "roll", "--overlap", "2"]) == ["24h"]
    assert candidates(root, ["runs", "watch", "x"]) == []


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_the_script_for_each_shell_asks_the_command(shell: str) -> None:
    assert "automate complete -- " in SCRIPTS[shell]


def test_bash_understands_its_script() -> None:
    subprocess.run(["bash", "-n"], input=SCRIPTS["bash"], text=True, check=True)


def test_no_colour_where_none_is_wanted_or_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert painted("failed") == "failed"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert painted("failed") != "failed"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("failed") == "failed"


def test_help_loads_neither_the_server_nor_the_http_library() -> None:
    code = (
        "import sys, automate_platform.cli as cli\n"
        "try: cli.main(['runs', 'watch', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('django', 'httpx2', 'asyncpg', 'automate_web') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
