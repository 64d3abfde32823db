"""Home: where one installation keeps everything, and its secrets.

    HOME/postgres   data of the embedded PostgreSQL     HOME/secrets   random passwords and signing keys (0600)
    HOME/keys       the key store, outside PostgreSQL   HOME/run       sockets and locks (short path, 0700)
    HOME/log        what the processes say              HOME/static    styles and scripts, collected at each start
    HOME/ready.json  how to reach the running product (0600)

Losing `secrets` locks everyone out; losing `keys` makes stored secrets and step state unreadable for good.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_BYTES = 103  # the shortest limit of a Unix socket path among the systems we know (Linux: 107)


class HomeUnusable(Exception):
    """The folder cannot be used as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Home:
    """The folders of one installation; made with mode 0700 when first asked for."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def secrets(self) -> Path:
        return private_folder(self.root / "secrets")

    @property
    def log(self) -> Path:
        return private_folder(self.root / "log")

    @property
    def ready(self) -> Path:
        return self.root / "ready.json"

    @property
    def run(self) -> Path:
        """Sockets and locks: `HOME/run`, or a private folder under /tmp where that path is too long for a socket."""
        folder = self.root / "run"
        if len(os.fsencode(folder / ".s.PGSQL.65535")) > SOCKET_PATH_BYTES:
            folder = short_folder(self.root)
        return private_folder(folder)

    @property
    def web_socket(self) -> Path:
        return self.run / "web.sock"

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
        """The secret kept in `secrets/<name>`; made at random the first time, by exactly one process."""
        file = self.secrets / name
        if not file.exists():
            write_private(file, make(), replace=False)
        return file.read_text().strip()


def short_folder(root: Path) -> Path:
    """A folder under the system's temporary one that belongs to `root` and to this user alone."""
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"automate-{os.geteuid()}-{digest}"


def private_folder(folder: Path) -> Path:
    """`folder`, made if missing, for its owner only. A folder of someone else, or a link, is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise HomeUnusable(f"{folder} belongs to another user or is a link. Remove it or set DJANGO_AUTOMATE_HOME.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def write_private(file: Path, text: str, *, replace: bool = True) -> None:
    """Write `text` to `file` with mode 0600, whole or not at all. `replace=False`: the first writer wins."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mkstemp makes it 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            temporary.replace(file)
        else:
            try:
                file.hardlink_to(temporary)
            except FileExistsError:
                return
    finally:
        temporary.unlink(missing_ok=True)
