"""Small parts by themselves: lines of JSON, snippets that run, filters, the picture of a run."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate.definitions import jsontext
from automate.models import ExecutionRun, RunWait, StepRun
from automate_governance.errors import Invalid
from automate_web import cursor, filters
from automate_web.pages import snippets, timeline
from automate_web.templatetags import portal

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_every_value_of_a_document_has_the_line_it_stands_on(value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    lines = jsontext.lines_of(text)

    def check(part: Any, pointer: str) -> None:
        shown = text.split("\n")[lines[pointer] - 1]
        assert json.dumps(part, ensure_ascii=False)[:1] in shown
        for key, below in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
            check(below, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    assert jsontext.parse(text) == value
    check(value, "")


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": 1, "a": 2}', "[1,]", "{'a': 1}", "[" * 100_000, '"\n"', "1 2"])
def test_what_is_not_json_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(jsontext.NotJson) as refused:
        jsontext.parse(text)
    assert refused.value.line >= 1


def test_a_missing_value_is_marked_where_it_is_missed() -> None:
    lines = jsontext.lines_of('{\n  "steps": [\n    {"id": "a"}\n  ]\n}')

    assert jsontext.line_of(lines, "/steps/0/connector") == 3
    assert jsontext.line_of(lines, "/trigger") == 1


def test_a_copied_curl_reads_the_key_from_the_environment_unless_it_may_show_it() -> None:
    body = {"name": 'O\'Brien & "Söhne"'}
    [curl, python, javascript] = snippets.for_endpoint("http://h/hooks/t", "api_key", key=None, body=body)
    words = shlex.split(curl.code)

    assert json.loads(words[words.index("-d") + 1]) == body
    assert "Authorization: Bearer $DJANGO_AUTOMATE_KEY" in words
    compile(python.code, "snippet", "exec")
    assert "DJANGO_AUTOMATE_KEY" in python.code and "DJANGO_AUTOMATE_KEY" in javascript.code
    [shown, *_] = snippets.for_endpoint("http://h/hooks/t", "api_key", key="am_live_x", body=body)
    assert "Authorization: Bearer am_live_x" in shlex.split(shown.code)
    [open_, *_] = snippets.for_endpoint("http://h/hooks/t", "none", key="am_live_x", body=body)
    assert "Authorization" not in open_.code and "am_live_x" not in open_.code


@pytest.mark.parametrize(
    ("text", "expected"),
    [("24h", NOW - timedelta(days=1)), ("7d", NOW - timedelta(days=7)), ("2026-01-01", NOW.replace(hour=0)),
     ("2026-01-01T10:00:00+02:00", NOW.replace(hour=8))],
)  # fmt: skip
def test_a_moment_is_a_span_or_a_time(text: str, expected: datetime) -> None:
    assert filters.moment(text, now=NOW, param="since") == expected


@pytest.mark.parametrize("text", ["", "h", "-1h", "yesterday", "2026-13-01", "99999999d", "1h\n2"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        filters.moment(text, now=NOW, param="since")


@given(st.text())
def test_a_foreign_cursor_is_refused_and_never_an_error_of_ours(text: str) -> None:
    from automate.models import Event

    try:
        direction, _ = cursor._decode(text)
    except cursor.InvalidCursor:
        return
    assert direction in {"o", "n"}
    assert Event is not None


def run_of(seconds: float, **changes: Any) -> ExecutionRun:
    ended = NOW + timedelta(seconds=seconds)
    fields = {"status": "succeeded", "created_at": NOW, "started_at": NOW, "ended_at": ended, **changes}
    return ExecutionRun(id=uuid4(), **fields)


def attempt_of(step: str, attempt: int, start: float, end: float | None, status: str) -> StepRun:
    return StepRun(
        step_id=step, attempt=attempt, status=status, started_at=NOW + timedelta(seconds=start),
        ended_at=None if end is None else NOW + timedelta(seconds=end),
    )  # fmt: skip


def test_bars_stand_where_the_attempts_were_and_never_leave_the_lane() -> None:
    run = run_of(10, started_at=NOW + timedelta(seconds=1))
    attempts = [attempt_of("a", 2, 6, 10, "succeeded"), attempt_of("a", 1, 1, 2, "failed")]

    queue, step, missing = timeline.draw(run, [{"id": "a"}, {"id": "b"}], attempts, now=NOW)

    assert (queue.bars[0].x, queue.bars[0].width) == (0, 10)
    assert [(bar.kind, bar.x, bar.width) for bar in step.bars] == [("bad", 10, 10), ("wait", 20, 40), ("ok", 60, 40)]
    assert (step.status, step.seconds) == ("succeeded", 9)
    assert (missing.status, missing.bars, missing.seconds) == ("not_run", [], None)


def test_a_running_step_grows_until_now() -> None:
    run = run_of(0, status="running", ended_at=None)

    _, step = timeline.draw(
        run, [{"id": "a"}], [attempt_of("a", 1, 0, None, "running")], now=NOW + timedelta(seconds=4)
    )

    assert (step.bars[0].kind, step.bars[0].width, step.seconds) == ("run", 100, 4)


def test_a_fan_out_stands_as_its_own_row_says_and_tells_what_it_waits_for() -> None:
    run = run_of(0, status="waiting", ended_at=None)
    whole, item = attempt_of("a", 1, 0, None, "running"), attempt_of("a", 1, 0, 1, "failed")
    item.item = 1
    asked = attempt_of("b", 1, 0, None, "waiting")
    asked.retry_at = NOW + timedelta(hours=1)
    wait = RunWait(kind="approval", step_id="b")

    _, fan, ask = timeline.draw(run, [{"id": "a"}, {"id": "b"}], [whole, item, asked], now=NOW, waits={("b", 0): wait})

    assert (fan.status, fan.items, fan.bars[1].title) == ("running", 1, "item 1, attempt 1: failed")
    assert ask.note == f"waiting for approval until {asked.retry_at:%Y-%m-%d %H:%M:%S} UTC"


@given(JSON)
def test_coloured_json_is_the_same_json_and_never_markup(value: Any) -> None:
    import html
    import re

    markup = str(portal.coloured(value))
    text = html.unescape(re.sub(r'<span class="[ksnb]">|</span>', "", markup))

    assert json.loads(text) == value
