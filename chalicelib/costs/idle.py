"""What is paid for and does nothing: found in a region, with what it costs a month, about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.costs import prices
from chalicelib.model import Aws

# A gateway without traffic for so long is idle; a younger one is not judged.
QUIET = timedelta(days=14)
BATCH = 500
# An address out of somebody's own range costs nothing.
AMAZONS = "amazon"


@dataclass(frozen=True, slots=True)
class Idle:
    """One thing that does nothing.

    Args:
        id: its id, or an address itself.
        what: why it is idle, as people read it.
        region: where it is.
        monthly: what it costs a month, about, in US dollars; None: its price is not on our list.
        name: its tag `Name`.
    """

    id: str
    what: str
    region: str
    monthly: float | None
    name: str = ""


def find(aws: Aws, now: float) -> list[Idle]:
    """Return what is idle in a region; raises AwsError."""
    volumes = aws.all("ec2", "describe_volumes", "Volumes")
    addresses = aws("ec2", "describe_addresses")["Addresses"]
    # An instance that is stopped can be told from others only by reading it.
    stopped = [{"Name": "instance-state-name", "Values": ["stopped"]}]
    instances = [
        one
        for group in aws.all("ec2", "describe_instances", "Reservations", Filters=stopped)
        for one in group["Instances"]
    ]
    available = [{"Name": "state", "Values": ["available"]}]
    gateways = [
        one
        for one in aws.all("ec2", "describe_nat_gateways", "NatGateways", Filters=available)
        if _time(one["CreateTime"]) <= _time(now) - QUIET
    ]
    region = aws.region
    return [
        *of_volumes(volumes, region),
        *of_addresses(addresses, region),
        *of_instances(instances, volumes, region),
        *of_gateways(gateways, traffic(aws, [one["NatGatewayId"] for one in gateways], now), region),
    ]


def of_volumes(volumes: Iterable[Mapping[str, Any]], region: str) -> Iterator[Idle]:
    """Yield the volumes that are attached to nothing."""
    for one in volumes:
        if one["State"] == "available":
            yield Idle(one["VolumeId"], f"unattached volume, {_size(one)}", region, _price(one, region), _name(one))


def of_addresses(addresses: Iterable[Mapping[str, Any]], region: str) -> Iterator[Idle]:
    """Yield the Elastic IP addresses that belong to nothing."""
    for one in addresses:
        used = one.get("AssociationId") or one.get("NetworkInterfaceId") or one.get("InstanceId")
        if not used and one.get("PublicIpv4Pool", AMAZONS) == AMAZONS:
            yield Idle(one["PublicIp"], "unassociated Elastic IP address", region, prices.address(), _name(one))


def of_instances(
    instances: Iterable[Mapping[str, Any]], volumes: Iterable[Mapping[str, Any]], region: str
) -> Iterator[Idle]:
    """Yield the stopped instances whose volumes are paid for all the same."""
    known = {one["VolumeId"]: one for one in volumes}
    for one in instances:
        attached = [disk["Ebs"]["VolumeId"] for disk in one.get("BlockDeviceMappings") or ()]
        disks = [known[volume] for volume in attached if volume in known]
        if disks:
            costs = [_price(disk, region) for disk in disks]
            monthly = None if None in costs else sum(cost for cost in costs if cost is not None)
            size = sum(disk["Size"] for disk in disks)
            what = f"stopped instance with {len(disks)} {'volume' if len(disks) == 1 else 'volumes'}, {size:,} GB"
            yield Idle(one["InstanceId"], what, region, monthly, _name(one))


def of_gateways(gateways: Iterable[Mapping[str, Any]], bytes_out: Mapping[str, float], region: str) -> Iterator[Idle]:
    """Yield the NAT gateways that sent nothing; of one without any measurement nothing is said."""
    for one in gateways:
        if bytes_out.get(one["NatGatewayId"], 1.0) == 0.0:
            what = f"NAT gateway without traffic for {QUIET.days} days"
            yield Idle(one["NatGatewayId"], what, region, prices.nat_gateway(region), _name(one))


def traffic(aws: Aws, gateways: Sequence[str], now: float) -> dict[str, float]:
    """Return how many bytes each gateway has sent out, where that was measured; raises AwsError."""
    found: dict[str, float] = {}
    for start in range(0, len(gateways), BATCH):
        some = gateways[start : start + BATCH]
        queries = [
            {
                "Id": f"g{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/NATGateway",
                        "MetricName": "BytesOutToDestination",
                        "Dimensions": [{"Name": "NatGatewayId", "Value": gateway}],
                    },
                    "Period": 86400,
                    "Stat": "Sum",
                },
            }
            for number, gateway in enumerate(some)
        ]
        results = aws.all(
            "cloudwatch", "get_metric_data", "MetricDataResults",
            MetricDataQueries=queries, StartTime=_time(now) - QUIET, EndTime=_time(now),
        )  # fmt: skip
        for one in results:
            if one["Values"]:
                gateway = some[int(one["Id"].removeprefix("g"))]
                found[gateway] = found.get(gateway, 0.0) + sum(one["Values"])
    return found


def biggest(idle: Iterable[Idle], count: int = 5) -> list[Idle]:
    """Return what costs most."""
    return sorted(idle, key=lambda one: (-(one.monthly or 0.0), one.region, one.id))[:count]


def monthly(idle: Iterable[Idle]) -> float:
    """Return what all of it costs a month, about, as far as its price is known."""
    return sum(one.monthly or 0.0 for one in idle)


def _price(volume: Mapping[str, Any], region: str) -> float | None:
    return prices.volume(region, volume.get("VolumeType", "standard"), volume["Size"], volume.get("Iops") or 0.0)


def _size(volume: Mapping[str, Any]) -> str:
    return f"{volume['Size']:,} GB {volume.get('VolumeType', '')}".rstrip()


def _name(one: Mapping[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in one.get("Tags") or () if tag["Key"] == "Name"), "")


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
