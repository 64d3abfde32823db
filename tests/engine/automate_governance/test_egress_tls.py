"""TLS: the URL's name is checked at the address that egress checked."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from automate_governance.egress import (
    EgressClient,
    TlsFailed,
)

from .loopback import ScriptedResolver, open_to, replying, serving


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for api.example that is its own authority: its file, and the file of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(("host", "is_trusted"), [("api.example", True), ("other.example", False)])
def test_tls_checks_the_name_of_the_url_at_the_checked_address(authority, host, is_trusted):
    async def run():
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(*authority)
        names = []
        server_side.sni_callback = lambda _socket, name, _context: names.append(name)
        async with serving(replying(b"sealed"), ssl=server_side) as served:
            client = EgressClient(
                resolver=ScriptedResolver({host: [["127.0.0.1"]]}),
                ssl_context=ssl.create_default_context(cafile=str(authority[0])),
            )
            try:
                reply = await client.request(
                    "GET", f"https://{host}:{served.port}/", policy=open_to(served, names=(host,))
                )
                return names, reply.body
            except TlsFailed as error:
                return names, (error.retryable, error.in_doubt)
            finally:
                await client.close()

    assert asyncio.run(run()) == ([host], b"sealed" if is_trusted else (False, False))


def test_an_unknown_authority_is_refused(authority):
    async def run():
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(*authority)
        async with serving(replying(), ssl=server_side) as served:
            client = EgressClient(resolver=ScriptedResolver({"api.example": [["127.0.0.1"]]}))
            try:
                await client.request(
                    "GET", f"https://api.example:{served.port}/", policy=open_to(served, names=("api.example",))
                )
            finally:
                await client.close()

    with pytest.raises(TlsFailed):
        asyncio.run(run())
