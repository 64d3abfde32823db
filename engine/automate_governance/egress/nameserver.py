"""A resolver that asks one name server itself, over UDP and, where the answer does not fit, TCP (RFC 1035).

For installations whose outbound calls must use a name server of their own, and for tests with one that lies. Only what
egress needs: A and AAAA of one name, aliases followed in the one answer, no cache. What is asked is random enough that
an answer from elsewhere does not pass: the id, the port, the question, and the server's address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import struct
from typing import cast

SECONDS = 3.0
_TYPES = {1: 4, 28: 16}  # A and AAAA, and how many bytes an address has
_TRUNCATED, _RESPONSE, _CODE = 0x0200, 0x8000, 0x000F


class NameServerFailed(OSError):
    """No usable answer came."""


class NameServerResolver:
    """See `egress.gate.Resolver`."""

    def __init__(self, address: str, port: int = 53):
        self._server = (address, port)

    async def resolve(self, host: str) -> list[str]:
        """The addresses of `host`, IPv4 first. Raises OSError."""
        try:
            answers = await asyncio.wait_for(asyncio.gather(*(self._ask(host, kind) for kind in _TYPES)), SECONDS)
        except asyncio.TimeoutError:
            raise NameServerFailed("The name server did not answer.") from None
        found = [address for answer in answers for address in answer]
        if not found:
            raise NameServerFailed(f"{host} has no address")
        return found

    async def _ask(self, host: str, kind: int) -> list[str]:
        query_id = secrets.randbits(16)
        question = _name(host) + struct.pack(">HH", kind, 1)
        query = struct.pack(">HHHHHH", query_id, 0x0100, 1, 0, 0, 0) + question
        reply = await self._over_udp(query)
        if struct.unpack_from(">H", reply, 2)[0] & _TRUNCATED:
            reply = await self._over_tcp(query)
        return parse_reply(reply, query_id=query_id, question=question, kind=kind)

    async def _over_udp(self, query: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagram(query, answer), remote_addr=self._server)
        try:
            return await answer
        finally:
            transport.close()

    async def _over_tcp(self, query: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._server)
        try:
            writer.write(struct.pack(">H", len(query)) + query)
            (length,) = struct.unpack(">H", await reader.readexactly(2))
            return await reader.readexactly(length)
        except (asyncio.IncompleteReadError, struct.error):
            raise NameServerFailed("The name server broke off.") from None
        finally:
            writer.close()


class _Datagram(asyncio.DatagramProtocol):
    def __init__(self, query: bytes, answer: asyncio.Future[bytes]):
        self._query = query
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.DatagramTransport", transport).sendto(self._query)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) >= 12 and data[:2] == self._query[:2] and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(NameServerFailed(str(exc)))


def parse_reply(reply: bytes, *, query_id: int, question: bytes, kind: int) -> list[str]:
    """The addresses in a reply to this question. Raises NameServerFailed for anything else."""
    try:
        found_id, flags, questions, answers = struct.unpack_from(">HHHH", reply)
        if found_id != query_id or not flags & _RESPONSE or questions != 1:
            raise NameServerFailed("The reply is to another question.")
        if reply[12 : 12 + len(question)].lower() != question.lower():
            raise NameServerFailed("The reply is to another question.")
        if flags & _CODE:
            return []  # no such name, or a server that failed
        at, found = 12 + len(question), []
        for _ in range(answers):
            at = _after_name(reply, at)
            record, _class, _ttl, length = struct.unpack_from(">HHIH", reply, at)
            at += 10
            if record == kind and length == _TYPES[kind]:
                found.append(str(ipaddress.ip_address(reply[at : at + length])))
            at += length
        return found
    except (struct.error, IndexError, ValueError) as error:
        raise NameServerFailed("The reply cannot be read.") from error


def _name(host: str) -> bytes:
    labels = host.rstrip(".").encode("ascii").split(b".")
    if not all(0 < len(label) < 64 for label in labels):
        raise NameServerFailed("That is no name.")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _after_name(reply: bytes, at: int) -> int:
    """Where a name ends; a pointer ends it, and is not followed: names in the answer are not needed."""
    while length := reply[at]:
        if length >= 0xC0:
            return at + 2
        at += length + 1
    return at + 1
