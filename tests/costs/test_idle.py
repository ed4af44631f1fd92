"""What does nothing and costs: as AWS describes it, priced by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.costs import idle, prices
from chalicelib.costs.idle import Idle
from tests.account import TestAccount

IRELAND = "eu-west-1"
NOW = 1_795_000_000.0


def volume(name: str = "vol-1", size: int = 100, kind: str = "gp3", state: str = "available", **more: Any) -> Any:
    return {"VolumeId": name, "Size": size, "VolumeType": kind, "State": state, **more}


def test_unattached_volumes() -> None:
    some = [
        volume(Tags=[{"Key": "Name", "Value": "old-db"}]),
        volume("vol-2", state="in-use"),
        volume("vol-3", 10, "io2", Iops=1000),
        volume("vol-4", kind="gp9"),
    ]
    first, provisioned, odd = idle.of_volumes(some, IRELAND)
    assert first == Idle("vol-1", "unattached volume, 100 GB gp3", IRELAND, first.monthly, "old-db")
    assert first.monthly == pytest.approx(8.80)
    assert provisioned.monthly == pytest.approx(10 * 0.138 + 1000 * 0.072)
    # Nothing is made up for what is not on the list.
    assert odd.monthly is None


def test_addresses_that_belong_to_nothing() -> None:
    some = [
        {"PublicIp": "198.51.100.1", "PublicIpv4Pool": "amazon"},
        {"PublicIp": "198.51.100.2", "AssociationId": "eipassoc-1"},
        {"PublicIp": "198.51.100.3", "NetworkInterfaceId": "eni-1"},
        {"PublicIp": "198.51.100.4", "InstanceId": "i-1"},
        # Who brings their own addresses pays nothing for them.
        {"PublicIp": "198.51.100.5", "PublicIpv4Pool": "ipv4pool-ec2-1"},
    ]
    [found] = idle.of_addresses(some, IRELAND)
    assert found.id == "198.51.100.1"
    assert found.monthly == pytest.approx(3.65)


def test_stopped_instances_with_volumes() -> None:
    disks = [{"Ebs": {"VolumeId": name}} for name in ("vol-1", "vol-2")]
    volumes = [volume(state="in-use"), volume("vol-2", 50, "gp2", "in-use")]
    some: list[dict[str, Any]] = [
        {"InstanceId": "i-1", "BlockDeviceMappings": disks},
        {"InstanceId": "i-2", "BlockDeviceMappings": []},
    ]
    [found] = idle.of_instances(some, volumes, IRELAND)
    assert (found.id, found.what) == ("i-1", "stopped instance with 2 volumes, 150 GB")
    assert found.monthly == pytest.approx(100 * 0.088 + 50 * 0.11)


def test_gateways_without_traffic_and_of_an_unmeasured_one_nothing() -> None:
    some = [{"NatGatewayId": name} for name in ("nat-1", "nat-2", "nat-3")]
    [found] = idle.of_gateways(some, {"nat-1": 0.0, "nat-2": 17.0}, IRELAND)
    assert (found.id, found.what) == ("nat-1", "NAT gateway without traffic for 14 days")
    assert found.monthly == pytest.approx(0.048 * 730)


class Metrics:
    """CloudWatch, answering each query in two pages."""

    account, region = "123456789012", IRELAND

    def __init__(self, sums: dict[str, list[float]]) -> None:
        self.sums, self.calls = sums, list[Any]()

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        assert (service, operation, key) == ("cloudwatch", "get_metric_data", "MetricDataResults")
        self.calls.append(params)
        assert params["EndTime"] - params["StartTime"] == timedelta(days=14)
        found = []
        for query in params["MetricDataQueries"]:
            [dimension] = query["MetricStat"]["Metric"]["Dimensions"]
            values = self.sums.get(dimension["Value"], [])
            found += [{"Id": query["Id"], "Values": values[:1]}, {"Id": query["Id"], "Values": values[1:]}]
        return found

    def __call__(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError("one call is made, and it has pages")


def test_traffic_is_summed_over_pages_and_asked_for_in_batches() -> None:
    many = [f"nat-{number}" for number in range(501)]
    metrics = Metrics({"nat-0": [0.0, 0.0], "nat-500": [0.0, 5.0]})
    assert idle.traffic(metrics, many, NOW) == {"nat-0": 0.0, "nat-500": 5.0}
    assert [len(one["MetricDataQueries"]) for one in metrics.calls] == [500, 1]
    assert idle.traffic(metrics, [], NOW) == {}


def test_the_biggest_first_and_the_sum_of_what_has_a_price() -> None:
    some = [Idle("a", "", IRELAND, 1.0), Idle("b", "", IRELAND, None), Idle("c", "", IRELAND, 9.0)]
    assert [one.id for one in idle.biggest(some, 2)] == ["c", "a"]
    assert idle.monthly(some) == 10.0


def test_where_prices_come_from_is_said() -> None:
    assert prices.source(("eu-west-1",)) == "by AWS's list prices of 2026-11-21, without tax and discounts"
    assert "; ap-south-1 as us-east-1," in prices.source(("eu-west-1", "ap-south-1"))
    assert prices.volume("ap-south-1", "gp3", 100) == prices.volume("us-east-1", "gp3", 100) == pytest.approx(8.0)


def test_in_an_account(account: TestAccount) -> None:
    ec2 = account.client("ec2")
    ec2.create_volume(AvailabilityZone="eu-west-1a", Size=200, VolumeType="gp3")
    ec2.allocate_address(Domain="vpc")
    [instance] = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    [subnet, *_] = ec2.describe_subnets()["Subnets"]
    gateways = [ec2.create_nat_gateway(SubnetId=subnet["SubnetId"])["NatGateway"]["NatGatewayId"] for _ in range(2)]
    # moto made them a moment ago by the machine's clock; who asks does so three weeks later.
    now = (datetime.now(UTC) + timedelta(days=21)).timestamp()
    for gateway, sent in zip(gateways, (0.0, 12.0), strict=True):
        measured = {"Dimensions": [{"Name": "NatGatewayId", "Value": gateway}], "Value": sent}
        data = {"MetricName": "BytesOutToDestination", "Timestamp": now - 86400, **measured}
        account.client("cloudwatch").put_metric_data(Namespace="AWS/NATGateway", MetricData=[data])
    found = idle.find(account.aws("digest"), now)
    assert [one.what.split(",")[0].split(" for ")[0] for one in found] == [
        "unattached volume", "unassociated Elastic IP address", "stopped instance with 1 volume",
        "NAT gateway without traffic",
    ]  # fmt: skip
    assert found[-1].id == gateways[0]
    assert [one for one in idle.find(account.aws("digest"), now - 10 * 86400) if "NAT" in one.what] == []
