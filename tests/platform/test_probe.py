"""`automate probe`: a process of this machine, asked over HTTP; the exit code is the answer."""

from __future__ import annotations

import pytest

from automate.worker.pulse import Pulse
from automate.worker.status import serving
from automate_platform.cli import main
from automate_platform.cli.up import free_port


def test_it_ends_with_the_answer_of_the_process(monkeypatch, capsys) -> None:
    port, pulse = free_port("127.0.0.1", 0), Pulse()
    monkeypatch.setenv("DJANGO_AUTOMATE_WORKER_LISTEN", f"0.0.0.0:{port}")

    assert main(["probe", "worker"]) == 1
    assert "worker does not answer at 127.0.0.1" in capsys.readouterr().err
    with serving(pulse, ("127.0.0.1", port)):
        assert main(["probe", "worker"]) == 0
        assert main(["probe", "worker", "--ready"]) == 1
        pulse.database_answered()
        assert main(["probe", "worker", "--ready"]) == 0
    assert '503 {"status": "not_ready"}' in capsys.readouterr().err


@pytest.mark.parametrize("process", ["web", "worker", "ringer"])
def test_a_process_that_was_not_told_to_answer_is_named(monkeypatch, capsys, process: str) -> None:
    monkeypatch.delenv(f"DJANGO_AUTOMATE_{process.upper()}_LISTEN", raising=False)

    assert main(["probe", process]) == 1
    assert f"DJANGO_AUTOMATE_{process.upper()}_LISTEN is not set" in capsys.readouterr().err
