"""A NAT gateway: when it runs out of ports, everything behind it sees timeouts.

https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.model import Gauge, Measures, Target


def measures(target: Target) -> Measures:
    """Return how full a gateway is."""
    metric = naming(target, "AWS/NATGateway", ("NatGatewayId", str(target.given["gateway"])))
    return Measures(
        gauges=(
            Gauge("ports", "connections without a port", metric("ErrorPortAllocation"), "count", red=1),
            Gauge("dropped", "packets dropped", metric("PacketsDropCount"), "count", red=100),
        )
    )


KIND = Kind(
    "nat_gateway",
    "NAT gateway",
    {"gateway": Field("the id of the gateway", r"nat-([0-9a-f]{8}|[0-9a-f]{17})")},
    measures,
    "gateway",
)
