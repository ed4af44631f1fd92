"""VPC flow logs."""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Address, Whole, Word

QUERIES = (
    Query(
        "vpc-rejects",
        "Refused connections",
        "What security groups and network ACLs refuse: from where, to which port of which interface, how often.",
        ("vpc",),
        """
filter action = "REJECT"
| filter srcAddr = ${address} or dstAddr = ${address}
| filter interfaceId = ${interface}
| stats count(*) as flows_refused, sum(packets) as packets_refused, latest(@timestamp) as last_seen
    by srcAddr, dstAddr, dstPort, protocol, interfaceId
| sort flows_refused desc
| limit ${top}
""",
        (
            Address("address"),
            Word("interface", "a network interface's id such as eni-0a1b2c3d", r"eni-[0-9a-f]{8,17}"),
            Whole("top", "how many at most", "25", 1, 1000),
        ),
        (
            Column("srcAddr", "from"),
            Column("dstAddr", "to"),
            Column("dstPort", "port"),
            Column("protocol", "protocol"),
            Column("interfaceId", "interface"),
            Column("flows_refused", "flows", "number"),
            Column("packets_refused", "packets", "number"),
            Column("last_seen", "last", "time"),
        ),
        "large",
        longest=86400.0,
    ),
)
