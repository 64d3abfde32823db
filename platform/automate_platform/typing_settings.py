"""The settings for tools that read the code and touch no database: the type checker, the missing-migrations check."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_AUTOMATE_SECRET_KEY", "read only")
os.environ.setdefault("DJANGO_AUTOMATE_LIVE_SECRET", "read only")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

from automate_platform.settings import *  # noqa: F403
