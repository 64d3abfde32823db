"""Slugs: a workspace's address (`acme` in acme.example.com and /w/acme/), derived from its name, unique, strict.

Imports no Django.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MIN_LENGTH, MAX_LENGTH = 2, 40

# Hosts and paths of our own, and names that would mislead.
_RESERVED_WORDS = """
account accounts admin api app assets auth automate billing blog cdn changelog console dashboard dev docs echo email
events ftp gateway handover health healthz help home hooks imap internal live localhost login logout mail mailbox media
metrics mx new ns1 ns2 oauth openapi operator ops password pop portal private public register reset root runs security
settings signin signup smtp sso staging start static status studio support system team tenant tenants test user users w
web webhook webhooks webmail well-known workflows workspace workspaces ws www
"""
RESERVED = frozenset(_RESERVED_WORDS.split())


def find_slug_problem(slug: str) -> str:
    """Why this cannot be an address, in a sentence for its owner; "" when it can.

    >>> find_slug_problem("acme-2"), find_slug_problem("acme\\n") != "", find_slug_problem("api") != ""
    ('', True, True)
    """
    if not MIN_LENGTH <= len(slug) <= MAX_LENGTH:
        return f"An address has {MIN_LENGTH} to {MAX_LENGTH} characters."
    if not SLUG.fullmatch(slug):
        return "An address starts with a letter and holds only small letters, digits and single dashes."
    if slug in RESERVED or slug.startswith(("xn-", "t-")):
        return "This address is reserved."
    return ""


def derive_slug(name: str) -> str:
    """An address in the name's spirit, always a valid one.

    >>> derive_slug("Açmé & Söhne GmbH"), derive_slug("42"), derive_slug("API"), derive_slug("日本")
    ('acme-sohne-gmbh', 'w-42', 'api-workspace', 'workspace-1')
    """
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
    if slug and not slug[0].isalpha():
        slug = f"w-{slug}"
    slug = slug[:MAX_LENGTH].strip("-")
    if find_slug_problem(slug):
        slug = f"{slug}-workspace"[:MAX_LENGTH].strip("-") if slug else "workspace-1"
    return slug if not find_slug_problem(slug) else "workspace-1"


def with_number(slug: str, number: int) -> str:
    """The address with a number behind it, still within the length.

    >>> with_number("acme", 2)
    'acme-2'
    """
    ending = f"-{number}"
    return slug[: MAX_LENGTH - len(ending)].strip("-") + ending


def with_random(slug: str) -> str:
    """The address with four random digits behind it: for names that many have taken."""
    return with_number(slug, 1000 + secrets.randbelow(9000))
