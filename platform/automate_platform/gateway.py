"""The gateway as this installation configures it. No Django is imported on this path; a test holds that."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from automate_governance import logs
from automate_platform import environment as env
from automate_platform.home import Home
from automate_web.gateway.app import Gateway, create_app
from automate_web.gateway.config import GatewayConfig


def configuration() -> GatewayConfig:
    """Raises RuntimeError when neither the environment nor HOME says how to reach the database."""
    home = Home(env.home())
    return GatewayConfig(
        database_url=env.secret("DATABASE_URL", home.secrets / "database-url"),
        live_secret=env.secret("DJANGO_AUTOMATE_LIVE_SECRET", home.secrets / "live"),
        key_store_dir=Path(env.text("DJANGO_AUTOMATE_KEY_STORE") or home.keys),
        web=env.text("DJANGO_AUTOMATE_WEB_URL") or home.web_socket,
        trusted_proxies=int(env.text("DJANGO_AUTOMATE_TRUSTED_PROXIES", "0")),
    )


def application() -> Gateway:
    """The gateway as an ASGI application. Raises as `configuration` does."""
    return create_app(configuration())


def log_settings() -> dict[str, Any]:
    """The same lines as web and worker write, redacted as a whole: a `logging.config.dictConfig`."""
    return logs.config(env.text("DJANGO_AUTOMATE_LOGGING_SCHEMA", "ecs"))


def secret_values(config: GatewayConfig) -> tuple[str, ...]:
    """What no log line of this process may hold, whatever it stands in."""
    password = unquote(urlsplit(config.database_url).password or "")
    return tuple(value for value in (password, config.live_secret) if value)
