"""`DJANGO_AUTOMATE`: the defaults of the seeds, and a clear word for everything that is wrong."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.test import override_settings

from automate import configuration
from automate.checks import check_settings
from automate.definitions import parse_steps
from automate.ingest.views import Ingest
from automate.policy.rules import Rules
from automate.retention import Retention
from automate.triggers.sources import SignalSettings
from automate_llm.config import LLMSettings

PAGE = Path(__file__).parents[3] / "web" / "automate_web" / "docs" / "configuration.md"
STEP = {"id": "a", "connector": "core", "action": "log"}


def found(options: Any) -> list[tuple[str | None, str, str | None]]:
    with override_settings(DJANGO_AUTOMATE=options):
        return [(each.id, each.msg, each.hint) for each in check_settings()]


def test_without_settings_all_is_well_and_the_defaults_are_those_of_the_reference() -> None:
    with override_settings(DJANGO_AUTOMATE={}):
        assert check_settings() == []
        assert configuration.is_enabled() is True
        assert configuration.worker_mode() == "thread"
        execution = configuration.execution()
        assert (execution.timeout_seconds, execution.max_retries, execution.batch_size) == (60, 3, 10)
        assert configuration.are_metrics_exported() is False
    assert {each.path: each.default for each in configuration.SETTINGS}["LOGGING_SCHEMA"] == "ecs"


@pytest.mark.parametrize(
    ("options", "path", "hint"),
    [
        ({"ENABELD": True}, "ENABELD", "Did you mean ENABLED?"),
        ({"EXECUTION": {"batchsize": 5}}, "EXECUTION.batchsize", "Did you mean EXECUTION.batch_size?"),
        ({"ENABLED": "yes"}, "ENABLED is 'yes'", "It must be true or false."),
        ({"EXECUTION": {"batch_size": True}}, "EXECUTION.batch_size is True", "It must be a whole number"),
        ({"EXECUTION": {"max_retries": 20}}, "EXECUTION.max_retries is 20", "from 0 to 19"),
        ({"EXECUTION": {"timeout_seconds": 0}}, "EXECUTION.timeout_seconds is 0", "above 0"),
        ({"EXECUTION": []}, "EXECUTION is []", "It must be a dictionary."),
        ({"WORKER_MODE": "fibre"}, "WORKER_MODE is 'fibre'", '"thread", "process", "synchronous"'),
        ({"INGEST": {"API_KEY_HASHES": "abc"}}, "INGEST.API_KEY_HASHES is 'abc'", "a list of texts"),
        ({"HOST": "nowhere.Host"}, "HOST", "Correct DJANGO_AUTOMATE['HOST']"),
        ({"POLICY": {"private_targets": ["localhost"]}}, "POLICY", "Correct DJANGO_AUTOMATE['POLICY']"),
        ([], "DJANGO_AUTOMATE is a dictionary", "Write DJANGO_AUTOMATE = {}"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_write_instead(options: Any, path: str, hint: str) -> None:
    [(code, message, told)] = found(options)

    assert code is not None and re.fullmatch(r"automate\.E00[1-3]", code)
    assert path in message
    assert told is not None and hint in told


def test_the_checks_are_registered() -> None:
    with override_settings(DJANGO_AUTOMATE={"NOPE": 1}):
        assert [each.id for each in checks.run_checks(tags=["automate"])] == ["automate.E001"]


def test_a_step_that_names_neither_attempts_nor_a_limit_has_the_settings() -> None:
    with override_settings(DJANGO_AUTOMATE={"EXECUTION": {"timeout_seconds": 7, "max_retries": 1}}):
        [plain, own] = parse_steps([STEP, {**STEP, "id": "b", "timeout_seconds": 3, "retry": {"attempts": 5}}])

    assert (plain.timeout_seconds, plain.retry.attempts) == (7, 2)
    assert (own.timeout_seconds, own.retry.attempts) == (3, 5)


def test_the_reference_page_has_a_row_for_each_setting() -> None:
    rows = dict(re.findall(r"^\| `([A-Za-z_.]+)` \| `(.+?)` \|", PAGE.read_text(), re.MULTILINE))

    for setting in configuration.SETTINGS:
        assert rows.get(setting.path) == repr(setting.default).replace("'", '"'), setting.path


def _named_on_the_page() -> set[str]:
    return set(re.findall(r"^\| `([A-Za-z_.]+)` \|", PAGE.read_text(), re.MULTILINE))


def test_every_section_that_code_reads_is_a_known_setting_with_a_row() -> None:
    """A section that is read and not known stops the start of whoever sets it, as RETENTION once did."""
    root = Path(configuration.__file__).parent.parent
    packages = ("automate", "automate_llm", "automate_connectors", "automate_governance")
    sources = [path.read_text() for package in packages for path in (root / package).rglob("*.py")]
    reads = {name for text in sources for name in re.findall(r'\.get\(\s*"([A-Z][A-Z_]+)"', text)}
    read = {name for name in reads if not name.startswith(("HTTP_", "REMOTE_"))}
    known = {setting.path.partition(".")[0] for setting in configuration.SETTINGS} | {
        "LLM",
        "PLAN",
        "POLICY",
        "SECRETS",
    }

    assert {"RETENTION", "EXECUTION", "SECRETS"} <= read <= known
    assert known - {"PLAN"} <= {row.partition(".")[0] for row in _named_on_the_page()}


@pytest.mark.parametrize(
    ("section", "shape"),
    [
        ("EXECUTION", configuration.Execution),
        ("METRICS", configuration.Metrics),
        ("RETENTION", Retention),
        ("LLM", LLMSettings),
        ("POLICY", Rules),
        ("SIGNALS", SignalSettings),
        ("INGEST", Ingest),
    ],
)
def test_each_key_of_a_section_has_a_row(section: str, shape: Any) -> None:
    rows = {row.partition(".")[2] for row in _named_on_the_page() if row.startswith(f"{section}.")}

    assert rows - {"HOST"} == {field.name for field in dataclasses.fields(shape)}


def test_retention_may_be_set_and_what_is_wrong_with_it_or_with_secrets_is_told() -> None:
    assert found({"RETENTION": {"days": 7, "batch_size": 50}}) == []
    [(code, message, _)] = found({"RETENTION": {"days": 0}})
    assert (code, "RETENTION.days is 0" in message) == ("automate.E002", True)
    [(code, message, hint)] = found({"SECRETS": {"backend": "nowhere"}})
    assert (code, "nowhere" in message, hint) == (
        "automate.E003", True, "Correct DJANGO_AUTOMATE['SECRETS'] in the settings."
    )  # fmt: skip
