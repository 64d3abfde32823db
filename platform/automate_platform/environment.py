"""The environment, read in one place and typed. Nothing else in the project touches `os.environ`.

Server settings start with `DJANGO_AUTOMATE_`; the prefix `AUTOMATE_` belongs to the env secrets backend alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from automate_tenants.hosts import base_host

HOME_VARIABLE = "DJANGO_AUTOMATE_HOME"
BROKERS = {"amqp", "amqps", "redis", "rediss"}


def home() -> Path:
    """Where this installation keeps its data, keys and ready.json; `var/` in the working directory by default."""
    return Path(os.environ.get(HOME_VARIABLE, "var")).absolute()


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `<name>_FILE` names: how containers are handed their secrets.

    Raises RuntimeError when both are set, or the file cannot be read.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if not file:
        return default if value is None else value
    if value:
        raise RuntimeError(f"{name} and {name}_FILE are both set; one of them says it.")
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise RuntimeError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}") from error


def flag(name: str, *, default: bool = False) -> bool:
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def port() -> int:
    """PORT, 8000 by default. Raises RuntimeError when it is no port number."""
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or int(value) > 65535:
        raise RuntimeError(f"PORT must be a number from 0 to 65535, not {value!r}")
    return int(value)


def secret(name: str, file: Path) -> str:
    """The variable if it is set, else the content of `file` (mode 0600, made by `automate up`), else an error."""
    if value := text(name):
        return value
    if file.exists():
        return file.read_text().strip()
    raise RuntimeError(
        f"{name} is not set and {file} does not exist. Run `automate up` once, or set {name} (or {name}_FILE)."
    )


def owner_database_url(file: Path) -> str:
    """The URL of the role that owns the tables. With a DATABASE_URL alone, that one role does everything."""
    return text("DJANGO_AUTOMATE_OWNER_DATABASE_URL") or text("DATABASE_URL") or secret("DATABASE_URL", file)


def address(name: str) -> tuple[str, int] | None:
    """`host:port` to listen on; None when it is not set. Raises RuntimeError when it is neither.

    >>> address("NOT_SET") is None
    True
    """
    given = text(name)
    if not given:
        return None
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise RuntimeError(f"{name} must be host:port, such as 0.0.0.0:8001, not {given!r}")
    return host.strip("[]"), int(port)


def private_targets(name: str, base_url: str) -> list[str]:
    """`host:port` that workflows may call although private: the variable's (with commas), and at home our own echo
    endpoint, which the sample calls: a command must judge a workflow as the worker will.

    >>> private_targets("UNSET_TARGETS", "http://127.0.0.1:8000"), private_targets("UNSET_TARGETS", "https://a.example")
    (['127.0.0.1:8000'], [])
    """
    listed = {target for target in text(name).split(",") if target}
    parts = urlsplit(base_url)
    if parts.hostname in {"127.0.0.1", "localhost"}:
        listed.add(f"{parts.hostname}:{parts.port or 80}")
    return sorted(listed)


def allowed_hosts(name: str, base_url: str) -> list[str]:
    """Hosts that requests may name: the variable's (with commas), else home's and those of `base_url`.

    A stranger's host would end up in the links of reset mails, and a name made to resolve to this machine would read
    its pages (DNS rebinding).

    >>> allowed_hosts("NOT_SET", "https://app.automate.example")
    ['localhost', '.localhost', '127.0.0.1', '[::1]', 'automate.example', '.automate.example']
    >>> allowed_hosts("NOT_SET", "http://192.168.1.7:8000")[-1]
    '192.168.1.7'
    """
    if listed := os.environ.get(name):
        return [host.strip() for host in listed.split(",") if host.strip()]
    host = urlsplit(base_url).hostname or ""
    base = base_host(base_url)
    own = [base, f".{base}"] if base else [f"[{host}]" if ":" in host else host]
    return list(dict.fromkeys(["localhost", ".localhost", "127.0.0.1", "[::1]", *own]))


def database(url: str) -> dict[str, Any]:
    """A Django DATABASES entry from `postgresql://user:password@host:port/name?host=/socket/folder`.

    >>> database("postgresql://u:p%40@h:5433/n?sslmode=require")["PASSWORD"]
    'p@'
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise RuntimeError("DATABASE_URL must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed over. At most one of the two kinds of TLS."""

    host: str
    port: int
    user: str
    password: str
    use_starttls: bool
    use_tls_from_start: bool


def mail_server(name: str, url: str) -> MailServer | None:
    """`smtp://user:password@host:587` (STARTTLS unless `?tls=0`) or `smtps://…:465` (TLS from the first byte).

    None without a URL. Raises RuntimeError, naming the variable but never the password, when it cannot be read.

    >>> mail_server("X", "smtp://ada:p%40ss@mail.example")
    MailServer(host='mail.example', port=587, user='ada', password='p@ss', use_starttls=True, use_tls_from_start=False)
    >>> mail_server("X", "smtp://127.0.0.1:1025?tls=0").use_starttls
    False
    >>> mail_server("X", "smtps://mail.example").port
    465
    >>> mail_server("X", "mail.example:587")
    Traceback (most recent call last):
    RuntimeError: X must be smtp://user:password@host:port, or smtps://…, with at most ?tls=1 or ?tls=0 behind it
    """
    if not url:
        return None
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "1")
    is_smtps = parts.scheme == "smtps"
    if (
        parts.scheme not in {"smtp", "smtps"} or not parts.hostname or port == 0 or parts.path.strip("/")
        or options or tls not in {"0", "1"} or (is_smtps and tls == "0")
    ):  # fmt: skip
        shape = "smtp://user:password@host:port, or smtps://…, with at most ?tls=1 or ?tls=0 behind it"
        raise RuntimeError(f"{name} must be {shape}")
    return MailServer(
        host=parts.hostname,
        port=port or (465 if is_smtps else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_starttls=tls == "1" and not is_smtps,
        use_tls_from_start=is_smtps,
    )


def broker_url(name: str) -> str:
    """The message broker: `amqp://user:password@host:5672//` (RabbitMQ), `redis://…` (Redis, Valkey); with an s, TLS.

    Empty without one. Raises RuntimeError, naming the variable but never the password, when it cannot be read.

    >>> broker_url("NOT_SET")
    ''
    """
    url = text(name)
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in BROKERS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if url and not is_one:
        shape = "amqp://user:password@host:5672// or redis://:password@host:6379/0"
        raise RuntimeError(f"{name} must be {shape}; signs like / in the password are written %2F")
    return url


def secrets_backend(name: str, vault_options: str) -> dict[str, Any]:
    """The SECRETS part of DJANGO_AUTOMATE: "db" unless the variable says otherwise.

    `vault_options` is a variable with the backend's options as JSON, or `@` and a file that holds them. "env" is
    refused: tenants must never read this server's environment.

    >>> secrets_backend("NOT_SET", "NOT_SET_EITHER")
    {'backend': 'db'}
    """
    backend = text(name) or "db"
    if backend == "env":
        raise RuntimeError(f"{name} must not be env here: every tenant could read this server's environment.")
    options: dict[str, Any] = {"backend": backend}
    if backend == "vault":
        given = text(vault_options)
        try:
            options["vault"] = json.loads(Path(given[1:]).read_text() if given.startswith("@") else given)
        except (ValueError, OSError) as error:
            raise RuntimeError(f"{vault_options} must hold a JSON object, or @ and a file's path.") from error
    return options
