"""The supervisor: dead children come back, those that keep dying end it all, a stop leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from automate_platform.supervisor import Child, ChildFailed, Supervisor

WAITS = "import signal; signal.pause()"


@pytest.fixture
def supervisor(tmp_path):
    said = []
    supervisor = Supervisor(said.append)
    supervisor.said = said
    yield supervisor
    supervisor.stop()


@pytest.fixture
def make_child(tmp_path):
    def make(code: str, name: str = "child") -> Child:
        return Child(name, (sys.executable, "-c", code), {}, tmp_path / f"{name}.log")

    return make


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_dies_is_started_again_and_told(supervisor, make_child, eventually):
    child = make_child(WAITS)
    supervisor.start(child)
    first = child.process.pid

    os.kill(first, signal.SIGKILL)
    eventually(child.has_ended)
    supervisor.check()

    assert child.process.pid != first
    assert not child.has_ended()
    assert supervisor.said == ["child ended with code -9; starting it again"]


def test_a_child_that_keeps_dying_ends_it_all_with_its_last_words(supervisor, make_child, eventually):
    child = make_child("raise SystemExit('no such database')")
    supervisor.start(child)

    with pytest.raises(ChildFailed, match="no such database"):
        eventually(supervisor.check)


def test_a_stop_takes_what_a_child_has_started(supervisor, make_child, eventually, tmp_path):
    mark = tmp_path / "grandchild"
    code = f"import subprocess, sys, pathlib, signal; p = subprocess.Popen([sys.executable, '-c', {WAITS!r}]);"
    code += f"pathlib.Path({str(mark)!r}).write_text(str(p.pid)); signal.pause()"
    supervisor.start(make_child(code))
    grandchild = int(eventually(lambda: mark.exists() and mark.read_text()))

    supervisor.stop()

    eventually(lambda: not is_alive(grandchild))


def test_waiting_for_what_never_comes_names_the_logs(supervisor, make_child):
    supervisor.start(make_child(WAITS))

    with pytest.raises(ChildFailed, match=r"the web did not answer within 0 s.*child\.log"):
        supervisor.wait_until(lambda: False, seconds=0.1, what="the web")
