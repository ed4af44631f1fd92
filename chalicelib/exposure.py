"""What it means that a port is open to the world: pure, shared by the guardrails of the network."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import ip_network

PORTS = (20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 1521, 2375, 3306, 3389, 4333, 5432, 5500, 5601,
         5900, 5985, 5986, 6379, 7001, 9042, 9092, 9200, 9300, 11211, 27017)  # fmt: skip
ALLOWED = (80, 443)
TRANSPORTS = ("tcp", "udp", "6", "17")


def exposed(protocol: str, low: int, high: int, cidr: str, ports: Iterable[int], allowed: Collection[int]) -> str:
    """Return which guarded ports a rule opens to the whole world, in words; empty when none.

    Args:
        protocol: a name or number as EC2 has it; `-1` is every protocol.
        low: the first port; -1 with `high` -1 is every port.
        high: the last port.
        cidr: the addresses admitted; empty for anything but an address range.
        ports: the guarded ports.
        allowed: ports that may be open to the world when a rule opens them alone.
    """
    if not cidr or ip_network(cidr, strict=False).prefixlen:
        return ""
    if protocol == "-1":
        return "all ports"
    if protocol not in TRANSPORTS or (low == high and low in allowed):
        return ""
    if (low, high) == (-1, -1) or (low <= 1 and high == 65535):
        return "all ports"
    hit = [str(port) for port in ports if low <= port <= high and port not in allowed]
    return f"port {', '.join(hit[:4])}{' …' if hit[4:] else ''}" if hit else ""
