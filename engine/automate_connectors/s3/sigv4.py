"""AWS Signature Version 4 for S3: the request is signed with the secret key, which itself is never sent.

Source: AWS documentation, "Create a signed AWS API request"; S3 encodes a path once, not twice. Its test compares with
botocore.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """`headers` with date, content hash, token and `Authorization`. `url` is encoded as it will be sent, no query."""
    parts = urlsplit(url)
    at, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": at}
    if credentials.session_token:
        sent["x-amz-security-token"] = credentials.session_token
    lower = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    lower["host"] = parts.netloc
    names = ";".join(sorted(lower))
    listed = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    canonical = "\n".join((method, parts.path or "/", parts.query, listed, names, digest))
    scope = f"{day}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    signature = _sign(credentials.secret_access_key, day, region, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}")
    credential = f"{credentials.access_key_id}/{scope}"
    sent["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return sent


def encoded_path(object_key: str) -> str:
    """An object's key as a path: all but unreserved characters and slashes as %XX.

    >>> encoded_path("a b/ä+~.txt")
    'a%20b/%C3%A4%2B~.txt'
    """
    return quote(object_key, safe="/~")


def _sign(secret: str, day: str, region: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
