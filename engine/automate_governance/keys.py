"""Where data keys live: outside the database and its backups, one file each, wrapped by the installation's key.

`root/installation.key` is made on first use. `root/<name>.key` holds a data key wrapped with AES-KW (RFC 3394);
`root/<name>.destroyed` is a tombstone: that name never gets a key again, in no process, so what was sealed under it
stays unreadable even when an old copy of the key file comes back. Files are 0600, the folder 0700. Every write is a
synced temporary file linked into place, so two processes that create one key at once end with the same key.

`rotate_installation_key` changes the wrapping key while everything runs: `installation.next` is written first, every
data key is wrapped anew, then it takes the place of `installation.key`. Whoever meets a key that its wrapping key does
not open reads the installation's keys again; both are good meanwhile. A rotation that died is finished by the next.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from automate_governance.crypto import KEY_BYTES
from automate_governance.errors import NormalizedError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # fullmatch: no dot, so no path and no other suffix


class KeyStore(Protocol):
    """Keeps data keys by name; a cloud's key service can stand behind it."""

    def create(self, name: str) -> None:
        """Make the key `name` unless it exists. Raises KeyDestroyed."""

    def data_key(self, name: str) -> bytes:
        """The 32 bytes of key `name`. Raises KeyNotFound, KeyDestroyed."""

    def destroy(self, name: str, certificate: bytes = b"") -> None:
        """Make everything sealed under `name` unreadable, for ever. `certificate` is kept in its place."""


class KeyNotFound(NormalizedError):
    """No key of this name was ever created here, or the key store is not the one that belongs to the database."""

    code, http_status = "key_not_found", 503


class KeyDestroyed(NormalizedError):
    """The key was destroyed on purpose; what it sealed cannot be read again by anybody."""

    code, http_status = "key_destroyed", 410


class UnsafeKeyStore(RuntimeError):
    """The key folder's permissions or contents are not what this module writes."""


class FileKeyStore:
    """A KeyStore in a folder; safe for several processes and threads."""

    def __init__(self, root: Path):
        self._root = Path(root)
        self._cache: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._wrapping_key: bytes | None = None

    def create(self, name: str) -> None:
        self._refuse_destroyed(name)
        with self._no_rotation():  # nobody may wrap with a key that is about to go
            self._wrapping_key = None
            wrapped = aes_key_wrap(self._installation_key(), secrets.token_bytes(KEY_BYTES))
            self._write_new(self._path(name, "key"), wrapped)
        self._refuse_destroyed(name)  # a destroy may have come between; it wins

    def data_key(self, name: str) -> bytes:
        self._refuse_destroyed(name)  # one stat: another process's destroy counts at once
        key = self._cache.get(name)
        if key is None:
            key = self._cache[name] = self._read(name)
        return key

    def destroy(self, name: str, certificate: bytes = b"") -> None:
        path = self._path(name, "key")
        self._write_new(self._path(name, "destroyed"), certificate)
        self._cache.pop(name, None)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _sync_folder(self._root)

    def certificate(self, name: str) -> bytes | None:
        """What `destroy` left in the key's place; None while the key is there, or never was."""
        try:
            return self._path(name, "destroyed").read_bytes()
        except FileNotFoundError:
            return None

    def rotate_installation_key(self) -> int:
        """Wrap every data key with a new installation key, while others go on reading; how many were wrapped."""
        with self._lock_folder(fcntl.LOCK_EX):
            old = self._load_installation_key()
            following = self._root / "installation.next"
            self._write_new(following, secrets.token_bytes(KEY_BYTES))  # or a rotation that died has left one
            new = _checked(following)
            wrapped = 0
            for path in sorted(self._root.glob("*.key")):
                if path.name != "installation.key":
                    wrapped += self._wrap_anew(path, old, new)
            following.replace(self._root / "installation.key")
            _sync_folder(self._root)
            self._wrapping_key = None
        return wrapped

    def _wrap_anew(self, path: Path, old: bytes, new: bytes) -> bool:
        """False when the key is wrapped by `new` already. Raises UnsafeKeyStore before anything was replaced."""
        sealed = path.read_bytes()
        if _unwrapped(new, sealed) is not None:
            return False
        key = _unwrapped(old, sealed)
        if key is None:
            raise UnsafeKeyStore(f"Key {path.stem!r} was not wrapped by this installation's key.")
        temporary = self._write_temporary(aes_key_wrap(new, key))
        try:
            if not path.exists():  # destroyed meanwhile: it stays so
                return False
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if self._path(path.stem, "destroyed").exists():
            path.unlink(missing_ok=True)
        _sync_folder(self._root)
        return True

    def _read(self, name: str) -> bytes:
        """The data key. Where it does not open, a rotation may have gone past: looked at again with none under way."""
        key = self._opened(name)
        if key is None:
            with self._no_rotation():
                self._wrapping_key = None
                key = self._opened(name)
        if key is None:
            raise UnsafeKeyStore(f"Key {name!r} was not wrapped by this installation's key.")
        return key

    def _opened(self, name: str) -> bytes | None:
        try:
            sealed = self._path(name, "key").read_bytes()
        except FileNotFoundError:
            raise KeyNotFound(f"The key store has no key {name!r}.", details={"key": name}) from None
        return next((key for wrapping in self._installation_keys() if (key := _unwrapped(wrapping, sealed))), None)

    def _installation_keys(self) -> list[bytes]:
        """The key in use and, while a rotation is under way, the one to come."""
        keys = [self._installation_key()]
        with suppress(FileNotFoundError):
            keys.append((self._root / "installation.next").read_bytes())
        return keys

    def _installation_key(self) -> bytes:
        with self._lock:
            if self._wrapping_key is None:
                self._wrapping_key = self._load_installation_key()
            return self._wrapping_key

    def _load_installation_key(self) -> bytes:
        path = self._root / "installation.key"
        if not path.exists():
            if any(self._root.glob("*.key")) and not path.exists():  # another process may just have made it
                raise UnsafeKeyStore(f"{path.name} is missing but keys wrapped by it are there: restore it.")
            self._write_new(path, secrets.token_bytes(KEY_BYTES))
        return _checked(path)

    def _refuse_destroyed(self, name: str) -> None:
        if self._path(name, "destroyed").exists():
            self._cache.pop(name, None)
            raise KeyDestroyed(f"The key {name!r} was destroyed.", details={"key": name})

    def _path(self, name: str, suffix: str) -> Path:
        if not _NAME.fullmatch(name) or name == "installation":
            raise ValueError(f"{name!r} is not a key name: letters, digits, - and _, at most 100, not 'installation'.")
        return self._root / f"{name}.{suffix}"

    def _write_new(self, path: Path, content: bytes) -> bool:
        """Write `path` unless it exists; True if this call wrote it. The first wins, readers see all or nothing."""
        temporary = self._write_temporary(content)
        try:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
        finally:
            temporary.unlink()
        _sync_folder(self._root)
        return True

    def _write_temporary(self, content: bytes) -> Path:
        """A synced file of mode 0600 under a name of its own, to be moved into place."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._root / f".{secrets.token_hex(8)}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _no_rotation(self) -> AbstractContextManager[None]:
        """Many may create keys at once, none while the installation's key is rotated."""
        return self._lock_folder(fcntl.LOCK_SH)

    @contextmanager
    def _lock_folder(self, kind: int) -> Iterator[None]:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _unwrapped(wrapping: bytes, sealed: bytes) -> bytes | None:
    try:
        return aes_key_unwrap(wrapping, sealed)
    except (InvalidUnwrap, ValueError):
        return None


def _checked(path: Path) -> bytes:
    """The installation's key in `path`. Raises UnsafeKeyStore."""
    if path.stat().st_mode & stat.S_IRWXO:
        raise UnsafeKeyStore(f"{path.name} can be read by every account of this machine: chmod 600 it.")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise UnsafeKeyStore(f"{path.name} is not {KEY_BYTES} bytes long.")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
