"""No test reaches beyond this machine: connecting elsewhere is an error, in this process."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


class OutsideConnection(AssertionError):
    """A test tried to leave the machine."""


class LocalSocket(socket.socket):
    """Connects to loopback addresses and Unix sockets only."""

    def connect(self, address: Any) -> None:
        _refuse_outside(self.family, address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        _refuse_outside(self.family, address)
        return super().connect_ex(address)


def _refuse_outside(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = address[0]
    if host == "localhost":
        return
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise OutsideConnection(f"A test tried to connect to {host}.")


def close_the_outside() -> None:
    socket.socket = LocalSocket  # type: ignore[misc]
