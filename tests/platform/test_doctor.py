"""What `automate doctor` says of a message broker and of who calls the workers behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automate_platform import doctor
from automate_platform.fleet.calls import Leadership
from tests.support import brokers
from tests.support.waiting import Eventually

PASSWORD = "not to be read anywhere"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory, eventually: Eventually) -> Iterator[brokers.Broker]:
    if not brokers.is_here("redis"):
        pytest.skip("redis is not installed on this machine")
    made = brokers.redis(tmp_path_factory.mktemp("redis"))
    made.start()
    eventually(made.answers)
    yield made
    made.close()


def said(monkeypatch: pytest.MonkeyPatch, url: str) -> list[tuple[str, str]]:
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    return [(finding.state, finding.words) for finding in doctor._broker()]


def test_without_a_broker_nothing_is_said_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, "") == []


def test_a_broker_that_answers_is_named(monkeypatch: pytest.MonkeyPatch, redis: brokers.Broker) -> None:
    [(state, words)] = said(monkeypatch, redis.url)

    assert state == "ok"
    assert f"@127.0.0.1:{redis.port}/0 answers" in words


def test_a_broker_that_is_away_or_refuses_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, redis: brokers.Broker
) -> None:
    quoted = PASSWORD.replace(" ", "%20")
    [away] = said(monkeypatch, f"amqp://ada:{quoted}@127.0.0.1:{brokers.free_port()}//")
    [refused] = said(monkeypatch, redis.url.replace("redis://", f"redis://ada:{quoted}@"))
    [unreadable] = said(monkeypatch, f"amqp://ada:{quoted}#@127.0.0.1//")

    assert away[0] == refused[0] == unreadable[0] == "bad"
    assert "Connection refused" in away[1]
    assert "invalid username-password" in refused[1]
    assert "CELERY_BROKER_URL must be amqp://" in unreadable[1]
    for _, words in (away, refused, unreadable):
        assert PASSWORD not in words
        assert quoted not in words


def test_the_address_may_be_a_file(monkeypatch: pytest.MonkeyPatch, redis: brokers.Broker, tmp_path: Path) -> None:
    (tmp_path / "broker-url").write_text(f"{redis.url}\n")
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setenv("CELERY_BROKER_URL_FILE", str(tmp_path / "broker-url"))

    assert [finding.state for finding in doctor._broker()] == ["ok"]


@pytest.mark.django_db
def test_whether_a_ringer_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1/0")
    [before] = doctor._ringer()
    leads = Leadership()
    try:
        assert leads()
        [during] = doctor._ringer()
    finally:
        leads.close()

    assert (before.state, during.state) == ("warn", "ok")
    assert "automate ringer" in before.words
