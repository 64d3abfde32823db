"""A real SMTP server on localhost: STARTTLS, AUTH PLAIN, and the letters it was given."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class SmtpSink:
    certificate: Path  # what a client must trust
    port: int = 0
    letters: list[str] = field(default_factory=list)
    logins: list[tuple[str, str, bool]] = field(default_factory=list)  # user, password, over TLS?

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say = lambda line: writer.write(f"{line}\r\n".encode())  # noqa: E731
        say("220 sink")
        is_secure = False
        verb = ""
        while verb != "QUIT" and (line := (await reader.readline()).decode().strip()):
            verb = line.upper()
            if verb.startswith("EHLO"):
                say("250-sink")
                say("250 AUTH PLAIN" if is_secure else "250 STARTTLS")
            elif verb == "STARTTLS":
                say("220 go on")
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(self.certificate)
                writer = await _secured(reader, writer, context)
                is_secure = True
            elif verb.startswith("AUTH PLAIN "):
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.logins.append((user, password, is_secure))
                say("235 welcome")
            elif verb == "DATA":
                say("354 go on")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                say("250 kept")
            else:
                say("221 bye" if verb == "QUIT" else "250 ok")
        await writer.drain()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def _secured(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> asyncio.StreamWriter:
    """The writer over TLS from here on. Python 3.10 has no StreamWriter.start_tls."""
    if sys.version_info >= (3, 11):
        await writer.start_tls(context)
        return writer
    await writer.drain()
    loop, protocol = asyncio.get_running_loop(), writer.transport.get_protocol()
    transport = await loop.start_tls(writer.transport, protocol, context, server_side=True)
    return asyncio.StreamWriter(transport, protocol, reader, loop)


@contextmanager
def smtp_sink(folder: Path) -> Iterator[SmtpSink]:
    """A sink on a free port of 127.0.0.1, with a certificate of its own in `folder`."""
    sink = SmtpSink(_certificate(folder / "smtp.pem"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(sink.serve, "127.0.0.1", 0), loop).result(10)
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")]), datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
