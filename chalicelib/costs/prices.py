"""What idle things cost by the month, about: AWS's public on-demand list prices of two regions, in US dollars; pure.

Taken down on 2026-11-21, without tax, discounts, free tiers and what is paid for more than the base (IOPS and
throughput of gp3). Elsewhere prices differ by some ten percent; an estimate made with another region's says so.
"""

from __future__ import annotations

HOURS = 730.0
TAKEN, ELSEWHERE = "2026-11-21", "us-east-1"
# A volume's gigabyte for a month, by its type.
VOLUME = {
    "us-east-1": {
        "gp3": 0.08, "gp2": 0.10, "io1": 0.125, "io2": 0.125, "st1": 0.045, "sc1": 0.015, "standard": 0.05,
    },
    "eu-west-1": {
        "gp3": 0.088, "gp2": 0.11, "io1": 0.138, "io2": 0.138, "st1": 0.05, "sc1": 0.0168, "standard": 0.055,
    },
}  # fmt: skip
# What is provisioned for io1 and io2 up to 32,000, each for a month.
IOPS = {"us-east-1": 0.065, "eu-west-1": 0.072}
# An hour.
NAT_GATEWAY = {"us-east-1": 0.045, "eu-west-1": 0.048}
PUBLIC_ADDRESS = 0.005


def volume(region: str, kind: str, gigabytes: float, iops: float = 0.0) -> float | None:
    """Return what a volume costs a month, about; None for a type that is not on the list."""
    price = VOLUME.get(region, VOLUME[ELSEWHERE]).get(kind)
    if price is None:
        return None
    provisioned = iops * IOPS.get(region, IOPS[ELSEWHERE]) if kind in ("io1", "io2") else 0.0
    return price * gigabytes + provisioned


def nat_gateway(region: str) -> float:
    """Return what a NAT gateway costs a month, about, before any traffic."""
    return NAT_GATEWAY.get(region, NAT_GATEWAY[ELSEWHERE]) * HOURS


def address() -> float:
    """Return what a public IPv4 address costs a month: the same everywhere."""
    return PUBLIC_ADDRESS * HOURS


def source(regions: tuple[str, ...]) -> str:
    """Return where estimates for some regions come from, for people."""
    other = [region for region in regions if region not in VOLUME]
    like = f"; {', '.join(other)} as {ELSEWHERE}" if other else ""
    return f"by AWS's list prices of {TAKEN}{like}, without tax and discounts"
