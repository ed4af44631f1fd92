from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount, canonical
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ec2_network_acl_open"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"
OFFICE = "198.51.100.0/24"
WORLD: dict[str, Any] = {"Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
SSH = {"From": 22, "To": 22}


def build(account: TestAccount) -> str:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    acl = str(ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"])
    for number, changes in (
        (100, {"PortRange": {"From": 443, "To": 443}}),
        (105, {"PortRange": SSH, "CidrBlock": OFFICE}),
        (140, {"PortRange": {"From": 1024, "To": 65535}}),
        (100, {"Egress": True, "Protocol": "-1"}),
        (110, {"Egress": True, "PortRange": SSH}),
    ):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=number, **{**WORLD, **changes})
    return acl


def breach(account: TestAccount, acl: str) -> dict[str, Any]:
    account.client("ec2").create_network_acl_entry(NetworkAclId=acl, RuleNumber=110, PortRange=SSH, **WORLD)
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8").replace("acl-0aaaaaaaaaaaaaaaa", acl))
    return event


def state(account: TestAccount, acl: str) -> Any:
    [found] = account.client("ec2").describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    return sorted(canonical(found["Entries"]), key=str)


SCENARIO = Scenario(NAME, build, breach, state)


def entry(number: int = 110, low: int = 22, high: int = 22, **changes: Any) -> dict[str, Any]:
    """An ingress entry as DescribeNetworkAcls has it."""
    given = {"RuleNumber": number, "PortRange": {"From": low, "To": high}, **WORLD, **changes}
    return {name: value for name, value in given.items() if value is not None}


def found(
    *entries: dict[str, Any], event: dict[str, Any] | None = None, default: bool = False, **options: Any
) -> list[Any]:
    rail = registry.get(NAME)
    acl = {"NetworkAclId": "acl-1", "IsDefault": default, "Entries": list(entries)}
    return list(rail.remedies(acl, parse(event) if event else None, {**rail.options, **options}))


ALL: dict[str, Any] = {"Protocol": "-1", "PortRange": None}
DENY: dict[str, Any] = {"RuleAction": "deny"}
V6: dict[str, Any] = {"CidrBlock": None, "Ipv6CidrBlock": "::/0"}


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param([entry(CidrBlock=OFFICE)], id="the office may"),
        pytest.param([entry(**DENY)], id="a denial"),
        pytest.param([entry(low=443, high=443)], id="443 to the world"),
        pytest.param([entry(low=8443, high=8443)], id="a port that is not guarded"),
        pytest.param([entry(low=1024, high=65535)], id="the answers to NAT gateways and load balancers"),
        pytest.param([entry(Protocol="17", low=1024, high=65535)], id="the answers to DNS"),
        pytest.param([entry(low=32768, high=60999)], id="the answers to Linux"),
        pytest.param([entry(Protocol="1", PortRange=None, IcmpTypeCode={"Code": -1, "Type": -1})], id="ping"),
        pytest.param([entry(CidrBlock="0.0.0.0/1")], id="half of the world is not the whole"),
        pytest.param([entry(**ALL)], id="all traffic, as AWS gives it"),
        pytest.param([entry(low=0, high=65535)], id="all of TCP"),
        pytest.param([entry(90, **DENY), entry()], id="denied before"),
        pytest.param([entry(90, 0, 1023, **DENY), entry()], id="denied before in a range"),
        pytest.param([entry(90, **DENY, **ALL), entry()], id="everything denied before"),
        pytest.param([entry(90, **DENY, **V6), entry(**V6)], id="IPv6 denied before"),
    ],
)
def test_leaves_alone(innocent: list[dict[str, Any]]) -> None:
    assert found(*innocent) == []


@pytest.mark.parametrize(
    ("guilty", "why"),
    [
        (entry(), "0.0.0.0/0 to port 22"),
        (entry(**V6), "::/0 to port 22"),
        (entry(low=3306, high=3306), "0.0.0.0/0 to port 3306"),
        (entry(low=3000, high=4000), "0.0.0.0/0 to port 3306, 3389"),
        (entry(Protocol="17", low=11211, high=11211), "0.0.0.0/0 to port 11211"),
        (entry(low=22, high=65535), "0.0.0.0/0 to port 22, 23, 25, 110 …"),
    ],
)
def test_remedies(guilty: dict[str, Any], why: str) -> None:
    too_late, others = entry(120, **DENY), entry(90, Protocol="17", **DENY)
    narrower, of_another_family = entry(91, CidrBlock=OFFICE, **DENY), entry(92, CidrBlock=None, **DENY)
    [remedy] = found(others, narrower, of_another_family, guilty, too_late, entry(105, CidrBlock=OFFICE))
    assert remedy.why == f"entry 110 of acl-1 admits {why}"
    assert [c.params for c in remedy.fix] == [{"NetworkAclId": "acl-1", "RuleNumber": 110, "Egress": False}]
    assert [c.params for c in remedy.undo] == [{"NetworkAclId": "acl-1", **guilty}]


def test_part() -> None:
    assert [remedy.part for remedy in found(entry(), entry(111, **V6))] == [
        "ingress 110 tcp 22-22 0.0.0.0/0",
        "ingress 111 tcp 22-22 ::/0",
    ]


def test_what_an_earlier_denial_leaves_open() -> None:
    [remedy] = found(entry(90, **DENY), entry(low=20, high=25))
    assert remedy.why.endswith("to port 20, 21, 23, 25")


def test_all_traffic_can_be_counted_though_not_what_aws_gave() -> None:
    assert len(found(entry(100, **ALL), all_traffic=True)) == 1
    assert len(found(entry(200, **ALL), default=True, all_traffic=True)) == 1
    assert found(entry(100, **ALL), entry(101, **ALL, **V6), default=True, all_traffic=True) == []
    assert found(entry(90, **ALL, **DENY), entry(100, **ALL), all_traffic=True) == []


def test_ports_can_be_set() -> None:
    assert found(entry(), allowed_ports=(22,)) == []
    assert len(found(entry(low=8443, high=8443), ports=(8443,))) == 1


def test_a_replaced_entry_is_asked_about_since_nobody_knows_what_it_let_in_before(account: TestAccount) -> None:
    acl = build(account)
    account.client("ec2").replace_network_acl_entry(NetworkAclId=acl, RuleNumber=105, PortRange=SSH, **WORLD)
    before = state(account, acl)
    request = {
        "networkAclId": acl, "ruleNumber": 105, "egress": False, "ruleAction": "allow", "icmpTypeCode": {},
        "portRange": {"from": 22, "to": 22}, "aclProtocol": "6", "cidrBlock": "0.0.0.0/0",
    }  # fmt: skip
    [finding] = account.deliver(cloudtrail("ec2:ReplaceNetworkAclEntry", request, {"_return": True}))
    assert (finding.origin, finding.status) == ("event", "asked")
    assert finding.actor is not None
    assert state(account, acl) == before


def test_what_the_event_did_not_bring_is_not_blamed_on_its_actor(account: TestAccount) -> None:
    acl = build(account)
    account.client("ec2").create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=120, **{**WORLD, "PortRange": {"From": 3389, "To": 3389}}
    )
    ssh, rdp = sorted(account.deliver(breach(account, acl)), key=lambda one: one.violation.part)
    assert (ssh.violation.part, ssh.status, ssh.origin) == ("ingress 110 tcp 22-22 0.0.0.0/0", "fixed", "event")
    assert (rdp.violation.part, rdp.status, rdp.actor) == ("ingress 120 tcp 3389-3389 0.0.0.0/0", "observed", None)


@pytest.mark.parametrize(
    ("changes", "brought"),
    [
        ({}, True),
        ({"ruleNumber": 120}, False),
        ({"egress": True}, False),
        ({"portRange": {"from": 23, "to": 23}}, False),
    ],
)
def test_the_event_brought_the_entry_that_it_describes(changes: dict[str, Any], brought: bool) -> None:
    event = json.loads(SAMPLE.read_text("utf-8"))
    event["detail"]["requestParameters"] |= changes
    [remedy] = found(entry(), event=event)
    assert remedy.brought is brought


def test_an_undo_does_not_overwrite_what_took_the_number(account: TestAccount) -> None:
    acl = build(account)
    [finding] = account.deliver(breach(account, acl))
    other = {**WORLD, "PortRange": SSH, "CidrBlock": OFFICE}
    account.client("ec2").create_network_acl_entry(NetworkAclId=acl, RuleNumber=110, **other)
    assert "has changed since the fix" in account.undo(finding).answer


def test_an_acl_that_is_gone(account: TestAccount) -> None:
    acl = build(account)
    event = breach(account, acl)
    account.client("ec2").delete_network_acl(NetworkAclId=acl)
    assert account.deliver(event) == []
