"""The actions `query` and `execute`, and what their failures mean.

Until COMMIT is sent nothing has happened, so every failure before it may be repeated where waiting helps. A COMMIT
whose answer is lost may have happened: in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.inputs import checked
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.postgres import statement
from automate_connectors.postgres.connection import connected, driver
from automate_connectors.postgres.spec import ACTIONS, CONFIG
from automate_connectors.web import egress_of, lost
from automate_governance.egress import EgressError
from automate_governance.redaction import redact_text

# Classes and codes of SQLSTATE where the same statement may succeed later. Source: PostgreSQL, "Error Codes".
_TRANSIENT = ("08", "53", "57P", "40001", "40P01", "55P03")
_TIMEOUT = "57014"


class PostgresAdapter(ConnectorAdapter):
    code = "postgres"
    name = "PostgreSQL"
    description = "Query your own PostgreSQL, read-only by default."
    actions = ACTIONS
    connection = ActionSpec(inputs=CONFIG, effect="read")

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Run the statement and commit. Raises ConnectorError. Blocks; the engine gives it a thread."""
        spec = self.actions.get(action)
        if spec is None:
            raise unknown_action(self, action)
        given, psycopg = checked(spec, params), driver()
        is_read_only = action == "query"
        ends = time.monotonic() + 0.9 * float(context.get("timeout_seconds") or 60.0)
        commits = False
        try:
            policy = egress_of(context).policy
            with connected(given, policy=policy, timeout_seconds=ends - time.monotonic()) as connection:
                left = ends - time.monotonic()
                answer = statement.run(connection, given, is_read_only=is_read_only, timeout_seconds=left)
                commits = not is_read_only
                if commits:
                    connection.execute("COMMIT")
        except EgressError as error:
            raise lost(error, is_safe=True) from None
        except psycopg.Error as error:
            raise _failure(error, context, may_have_committed=commits) from None
        return answer

    def test(self, params: dict[str, Any], context: dict[str, Any]) -> str:
        asked = {**params, "query": "SELECT current_user, current_setting('server_version')"}
        [row] = self.execute("query", asked, context)["rows"]
        user, version = row.values() if isinstance(row, dict) else row
        return f"PostgreSQL {version} let {user} in."

    def validate_config(self, config: dict[str, Any]) -> None:
        """Raise ConnectorError (`invalid_params`) naming the first field of a connection that does not fit."""
        checked(ActionSpec(inputs=CONFIG), config)


def _failure(error: Any, context: Mapping[str, Any], *, may_have_committed: bool) -> ConnectorError:
    """The server's message without DETAIL, which may show rows; values known as secret are masked."""
    state = error.sqlstate or ""
    said = error.diag.message_primary or str(error).split("\n")[0]
    secrets = tuple((context.get("secrets") or {}).values())
    in_doubt = may_have_committed and (not state or state.startswith(("08", "57P", "40003")))
    return ConnectorError(
        f"PostgreSQL: {redact_text(said, secrets)[:500]}",
        retryable=not in_doubt and (not state or state.startswith(_TRANSIENT)) and not _is_final(error),
        code="timeout" if state == _TIMEOUT else f"postgres_{state}" if state else "postgres_connection",
        details={"sqlstate": state} if state else {},
        in_doubt=in_doubt,
    )


def _is_final(error: Any) -> bool:
    """Errors without SQLSTATE that no wait mends: parameters, credentials or a certificate that are not right."""
    psycopg = driver()
    if not isinstance(error, psycopg.OperationalError):
        return not error.sqlstate
    text = str(error)
    return not error.sqlstate and any(
        sign in text for sign in ("authentication", "certificate", "SSL", "does not exist")
    )
