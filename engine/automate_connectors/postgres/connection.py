"""A connection to an address that egress has checked (`hostaddr`); the name goes on serving TLS.

Of this machine no password file, client certificate, options or Kerberos ticket takes part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from automate_connectors.inputs import invalid
from automate_connectors.models import ConnectorError
from automate_governance.egress import EgressPolicy, checked_addresses

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_SECONDS = 5


@contextmanager
def connected(
    params: Mapping[str, Any], *, policy: EgressPolicy, timeout_seconds: float
) -> Iterator[Connection[tuple[Any, ...]]]:
    """An open connection, closed at the end. Raises EgressError, psycopg.Error, ConnectorError."""
    psycopg = driver()
    host, port = params["host"], params["port"]
    if "," in host or host.startswith(("/", "@")):
        raise invalid("`host` is one name or address.")
    addresses = checked_addresses("postgresql", host, port, policy=policy, timeout_seconds=timeout_seconds)
    with _trusted(params) as trust:
        connection = psycopg.connect(
            host=",".join([host] * len(addresses)),
            hostaddr=",".join(addresses),
            port=port,
            dbname=_plain(params["database"]),
            user=params["user"],
            password=params.get("password", ""),
            passfile="/dev/null",
            options="",
            gssencmode="disable",
            sslcertmode="disable",
            application_name="django-automate",
            connect_timeout=max(2, min(CONNECT_SECONDS, int(timeout_seconds))),
            target_session_attrs="any",
            autocommit=True,
            prepare_threshold=None,
            **trust,
        )
        try:
            yield connection
        finally:
            connection.close()


def driver() -> Any:
    """psycopg, which only this connector needs."""
    try:
        import psycopg
    except ImportError:
        raise ConnectorError(
            "The connector postgres needs psycopg: pip install 'django-automate[postgres]'.", code="not_installed"
        ) from None
    return psycopg


@contextmanager
def _trusted(params: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """libpq's words for `tls`. A certificate has to be a file while the connection is made."""
    if params["tls"] == "off":
        yield {"sslmode": "disable", "require_auth": "scram-sha-256,none"}  # the password itself is never sent in clear
        return
    mode = {"verify": "verify-full", "require": "require"}[params["tls"]]
    if "ca_certificate" not in params:
        yield {"sslmode": mode, **({"sslrootcert": "system"} if params["tls"] == "verify" else {})}
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(params["ca_certificate"])
        file.flush()
        yield {"sslmode": "verify-full" if params["tls"] == "verify" else "verify-ca", "sslrootcert": file.name}


def _plain(database: str) -> str:
    """libpq reads a database name with `=` or a URL in it as a whole connection string, host and all."""
    if "=" in database or "://" in database:
        raise invalid("`database` is the name of one database.")
    return database
