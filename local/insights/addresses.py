"""Whether a text is an IP address, and of which network."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
PRIVATE = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def address(text: str) -> Address | None:
    """Return the address that a text is; None for what is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=512)
def network(text: str) -> Network | None:
    """Return the network that a text in CIDR notation is; None for what is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def inside(text: str, subnet: str, version: int = 0) -> bool:
    """Whether a text is an address within a subnet, of a version if one is given."""
    found, of = address(text), network(subnet)
    if found is None or of is None or found.version != of.version:
        return False
    return version in (0, found.version) and found in of


def private(text: str) -> bool:
    """Whether a text is an address of the ranges that RFC 1918 sets aside."""
    found = address(text)
    return found is not None and any(found.version == of.version and found in of for of in PRIVATE)
