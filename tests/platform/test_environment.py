"""The environment: values, files that hold them, addresses; and what is said when one cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from automate_platform import environment as env


def test_a_file_gives_the_value_that_a_container_must_not_show(monkeypatch, tmp_path: Path) -> None:
    file = tmp_path / "database-url"
    file.write_text("postgresql://app:secret@db/automate\n")
    monkeypatch.setenv("SOME_URL_FILE", str(file))

    assert env.text("SOME_URL") == "postgresql://app:secret@db/automate"
    assert env.secret("SOME_URL", tmp_path / "missing") == "postgresql://app:secret@db/automate"


def test_a_value_said_twice_is_refused_without_showing_it(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_URL", "one-secret")
    monkeypatch.setenv("SOME_URL_FILE", str(tmp_path / "x"))

    with pytest.raises(RuntimeError, match="SOME_URL and SOME_URL_FILE are both set") as refused:
        env.text("SOME_URL")
    assert "one-secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_URL_FILE", str(tmp_path / "gone"))

    with pytest.raises(RuntimeError, match=r"SOME_URL_FILE names .*gone, which cannot be read: No such file"):
        env.text("SOME_URL", "a default")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("0.0.0.0:8001", ("0.0.0.0", 8001)), ("[::]:9464", ("::", 9464)), ("", None)],
)
def test_an_address_is_a_host_and_a_port(monkeypatch, given: str, meant: tuple[str, int] | None) -> None:
    monkeypatch.setenv("SOME_LISTEN", given)

    assert env.address("SOME_LISTEN") == meant


@pytest.mark.parametrize("wrong", ["8001", ":8001", "localhost:", "localhost:http", "localhost:65536"])
def test_anything_else_is_refused(monkeypatch, wrong: str) -> None:
    monkeypatch.setenv("SOME_LISTEN", wrong)

    with pytest.raises(RuntimeError, match="SOME_LISTEN must be host:port"):
        env.address("SOME_LISTEN")
