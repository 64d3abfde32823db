"""`DJANGO_AUTOMATE`: every setting with its default and what it may be, and the parts that this package reads itself.

Values are read at call time. The table is what the system checks (`automate.checks`) hold the project's settings
against, and what the reference page lists. Source: seeds, "Configuration (settings.py)".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.conf import settings

NAME = "DJANGO_AUTOMATE"
WORKER_MODES = ("thread", "process", "synchronous")
LOGGING_SCHEMAS = ("ecs", "simple")

Wrong = str | None  # a sentence that says what a value should be; None for a good one
IsWrong = Callable[[Any], "Wrong"]


@dataclass(frozen=True)
class Setting:
    """One key of the dictionary, `path` with dots. `expects` says what it may be, `is_wrong` whether it is not."""

    path: str
    default: Any
    expects: str
    is_wrong: IsWrong
    description: str


@dataclass(frozen=True)
class Misconfigured:
    """What is wrong at `path`, and what to write instead. `kind`: unknown, type or value."""

    path: str
    kind: str
    message: str
    hint: str


@dataclass(frozen=True)
class Execution:
    """`DJANGO_AUTOMATE["EXECUTION"]`."""

    timeout_seconds: float = 60.0  # of a step that names none
    max_retries: int = 3  # of a step that names no attempts: 1 + 3 of them
    batch_size: int = 10  # jobs one worker claims at once
    lease_seconds: float = 30.0
    connector_threads: int = 16  # for connectors that are not asynchronous

    @property
    def attempts(self) -> int:
        return 1 + self.max_retries


@dataclass(frozen=True)
class Metrics:
    """`DJANGO_AUTOMATE["METRICS"]`: where a worker serves its metrics, and what strangers must bring."""

    address: str = "127.0.0.1"
    port: int = 9464
    token: str = ""


def given() -> dict[str, Any]:
    """The project's dictionary, as it stands."""
    found: dict[str, Any] = getattr(settings, NAME, {})
    return found


def is_enabled() -> bool:
    """The master kill switch: without it events are accepted and kept, and nothing runs."""
    return bool(given().get("ENABLED", True))


def worker_mode() -> str:
    """How connectors that are not asynchronous are called: "thread", "process", or all in the emitter's process."""
    return str(given().get("WORKER_MODE", "thread"))


def logging_schema() -> str:
    """The form of a log line: "ecs" or "simple"."""
    return str(given().get("LOGGING_SCHEMA", "ecs"))


def execution() -> Execution:
    return Execution(**given().get("EXECUTION", {}))


def are_metrics_exported() -> bool:
    return bool(given().get("METRICS_EXPORT", False))


def metrics() -> Metrics:
    return Metrics(**given().get("METRICS", {}))


# -- the table ---------------------------------------------------------------------------------------------------------


def _kind(expects: str, *types: type) -> IsWrong:
    def is_wrong(value: Any) -> str | None:
        is_bool = isinstance(value, bool) and bool not in types
        return expects if is_bool or not isinstance(value, types) else None

    return is_wrong


def _number(expects: str, low: float, high: float, *types: type) -> IsWrong:
    def is_wrong(value: Any) -> str | None:
        if _kind(expects, *types)(value) is not None or not low <= value <= high:
            return expects
        return None

    return is_wrong


def _one_of(*names: str) -> IsWrong:
    expects = "one of " + ", ".join(f'"{name}"' for name in names)
    return lambda value: None if value in names else expects


def _texts(value: Any) -> str | None:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return None if is_list and all(isinstance(each, str) for each in value) else "a list of texts"


def _setting(path: str, default: Any, is_wrong: IsWrong, description: str) -> Setting:
    surely_wrong = object()  # so that it says what it expects
    return Setting(path, default, is_wrong(surely_wrong) or "", is_wrong, description)


_BOOL = _kind("true or false", bool)
_TEXT = _kind("text", str)
_OBJECT = _kind("a dictionary", Mapping)
_COUNT = _number("a whole number from 1 to 10,000", 1, 10_000, int)

SETTINGS: tuple[Setting, ...] = (
    _setting("ENABLED", True, _BOOL, "Master kill switch: events are still accepted and kept, nothing runs."),
    _setting(
        "WORKER_MODE",
        "thread",
        _one_of(*WORKER_MODES),
        "Where connectors that are not asynchronous run: a thread, a process of their own, or (for development) the"
        " process that emits the event, at once.",
    ),
    _setting("HOST", "automate.host.SingleSchemaHost", _TEXT, "Dotted path of what answers the engine's questions."),
    _setting(
        "EXECUTION.timeout_seconds",
        60,
        _number("a number of seconds above 0, at most 900", 0.001, 900, int, float),
        "Longest one attempt of a step may take, where the step does not say.",
    ),
    _setting(
        "EXECUTION.max_retries",
        3,
        _number("a whole number from 0 to 19", 0, 19, int),
        "Retries of a step that fails for a passing reason, where the step does not say.",
    ),
    _setting("EXECUTION.batch_size", 10, _COUNT, "Jobs that one worker claims at once."),
    _setting(
        "EXECUTION.lease_seconds",
        30,
        _number("a number of seconds from 1 to 3600", 1, 3600, int, float),
        "How long a claim lasts by the database's clock; renewed at a third of it.",
    ),
    _setting("EXECUTION.connector_threads", 16, _COUNT, "Connectors that are not asynchronous, at once in one worker."),
    _setting("METRICS_EXPORT", False, _BOOL, "Prometheus metrics at the URL of `automate.urls` and at each worker."),
    _setting("METRICS.address", "127.0.0.1", _TEXT, "Address at which a worker serves its metrics."),
    _setting(
        "METRICS.port",
        9464,
        _number("a port from 0 to 65535", 0, 65535, int),
        "Port at which a worker serves its metrics; 0 takes a free one.",
    ),
    _setting("METRICS.token", "", _TEXT, "What a scraper from elsewhere sends as Bearer; empty: this machine only."),
    _setting(
        "LOGGING_SCHEMA", "ecs", _one_of(*LOGGING_SCHEMAS), "Form of a worker's log lines; LOGGING takes precedence."
    ),
    _setting("SIGNALS.enabled", True, _BOOL, "Whether signals of this project's models may start workflows."),
    _setting(
        "EMAIL.backend",
        "django",
        _one_of("django", "none"),
        'By what `email.send` sends where a step names no mail server: "django" is EMAIL_BACKEND, "none" refuses.',
    ),
    _setting("SIGNALS.custom", (), _texts, "Dotted paths of custom signals that workflows may name."),
    _setting(
        "RETENTION.days",
        30,
        _number("a whole number of days from 1 to 3650", 1, 3650, int),
        "How long events, runs and what belongs to them are kept after they ended.",
    ),
    _setting("RETENTION.batch_size", 1000, _COUNT, "Rows deleted in one transaction."),
    _setting("INGEST.API_KEY_HASHES", (), _texts, "SHA-256 (64 hex digits) of each key that may send."),
)
_SECTIONS_OF_OTHERS: tuple[str, ...] = (
    "BILLING",
    "LLM",
    "PLAN",
    "POLICY",
    "SECRETS",
)  # read, and refused, by their own readers


def find_misconfigured(options: Any) -> Iterator[Misconfigured]:
    """What is wrong with the dictionary, as far as the table tells."""
    if not isinstance(options, Mapping):
        yield Misconfigured(NAME, "type", f"{NAME} is a dictionary.", f"Write {NAME} = {{}} in the settings.")
        return
    known = {setting.path: setting for setting in SETTINGS}
    sections = {path.partition(".")[0] for path in known if "." in path}
    for name, value in options.items():
        if name in _SECTIONS_OF_OTHERS:
            yield from _of(name, value, _OBJECT)
        elif name in sections:
            yield from _of(name, value, _OBJECT) or _in_section(name, value, known)
        else:
            yield from _in_table(str(name), value, known)


def _in_section(name: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> Iterator[Misconfigured]:
    for key, value in values.items():
        yield from _in_table(f"{name}.{key}", value, known)


def _in_table(path: str, value: Any, known: Mapping[str, Setting]) -> list[Misconfigured]:
    if path in known:
        return _of(path, value, known[path].is_wrong)
    names = [*known, *_SECTIONS_OF_OTHERS]
    close = get_close_matches(path, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(sorted(names))}."
    return [Misconfigured(path, "unknown", f"{NAME} has no setting {path}.", hint)]


def _of(path: str, value: Any, is_wrong: IsWrong) -> list[Misconfigured]:
    if (expects := is_wrong(value)) is None:
        return []
    return [Misconfigured(path, "value", f"{NAME}: {path} is {value!r}.", f"It must be {expects}.")]
