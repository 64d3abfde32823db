"""The gateway as this installation configures it. No Django is imported on this path; a test holds that."""

from __future__ import annotations

from pathlib import Path

from automate_platform import environment as env
from automate_platform.home import Home
from automate_web.gateway.app import Gateway, create_app
from automate_web.gateway.config import GatewayConfig


def application() -> Gateway:
    """Raises RuntimeError when neither the environment nor HOME says how to reach the database."""
    home = Home(env.home())
    return create_app(
        GatewayConfig(
            database_url=env.secret("DATABASE_URL", home.secrets / "database-url"),
            live_secret=env.secret("DJANGO_AUTOMATE_LIVE_SECRET", home.secrets / "live"),
            key_store_dir=Path(env.text("DJANGO_AUTOMATE_KEY_STORE") or home.keys),
            web_socket=home.web_socket,
            trusted_proxies=int(env.text("DJANGO_AUTOMATE_TRUSTED_PROXIES", "0")),
        )
    )
