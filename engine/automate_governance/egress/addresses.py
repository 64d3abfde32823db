"""Which IP addresses no tenant's call may reach: an explicit table, because the standard library's idea of "global"
passes NAT64, 6to4, multicast and others (measured on Python 3.11.7; it changed between patch releases).

Source: IANA special-purpose address registries for IPv4 and IPv6, RFC 6890; cloud metadata addresses from the clouds'
documentation. For IPv6 only 2000::/3, the part that is given out, can be allowed.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_DENIED_V4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "cloud metadata",  # Azure
    "169.254.0.0/16": "link-local, cloud metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments, cloud metadata",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, broadcast",
}
_DENIED_V6 = {
    "::/96": "loopback, unspecified, IPv4-compatible",
    "::ffff:0:0/96": "IPv4-mapped",
    "::ffff:0:0:0/96": "IPv4-translated",
    "64:ff9b::/96": "NAT64",
    "64:ff9b:1::/48": "local NAT64",
    "100::/64": "discard",
    "100:0:0:1::/64": "dummy prefix",
    "2001::/32": "Teredo",
    "2001::/23": "protocol assignments",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_V4 = [(ipaddress.IPv4Network(cidr), why) for cidr, why in _DENIED_V4.items()]
_V6 = [(ipaddress.IPv6Network(cidr), why) for cidr, why in _DENIED_V6.items()]
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: the last 32 bits are an IPv4 address behind a tunnel


@lru_cache(maxsize=4096)
def denial(address: str) -> str | None:
    """Why `address` (text of an IPv4 or IPv6 address) may not be reached; None when it may.

    >>> denial("127.0.0.1"), denial("64:ff9b::a9fe:a9fe"), denial("1.1.1.1")
    ('loopback', 'NAT64', None)
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "not an IP address"
    if isinstance(ip, ipaddress.IPv4Address):
        return next((why for network, why in _V4 if ip in network), None)
    if ip.scope_id is not None:
        return "has a zone"
    why = next((why for network, why in _V6 if ip in network), None)
    if why is None and ip not in _GLOBAL_UNICAST:
        why = "not global unicast"
    if why is None and (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        why = "ISATAP tunnel"
    return why
