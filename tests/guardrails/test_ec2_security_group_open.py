from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount, canonical
from tests.samples import cloudtrail
from tests.scenario import Scenario
from tests.wire import Made

NAME = "ec2_security_group_open"
OFFICE = "198.51.100.0/24"


def build(account: TestAccount) -> str:
    ec2 = account.client("ec2")
    group = str(ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"])
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": OFFICE}]},
        ],
    )
    return group


def authorise(account: TestAccount, group: str, **permission: Any) -> dict[str, Any]:
    made = account.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    rules = [
        {"groupId": group, "securityGroupRuleId": rule["SecurityGroupRuleId"], "isEgress": False}
        for rule in made["SecurityGroupRules"]
    ]
    return cloudtrail(
        "ec2:AuthorizeSecurityGroupIngress",
        {"groupId": group, "ipPermissions": {"items": [{"ipProtocol": permission["IpProtocol"]}]}},
        {"_return": True, "securityGroupRuleSet": {"items": rules}},
    )


def breach(account: TestAccount, group: str) -> dict[str, Any]:
    return authorise(
        account,
        group,
        IpProtocol="tcp",
        FromPort=22,
        ToPort=22,
        IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "just for a minute"}],
    )


def state(account: TestAccount, group: str) -> Any:
    [found] = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return sorted(canonical(found["IpPermissions"]), key=str)


SCENARIO = Scenario(NAME, build, breach, state)


def rule(**changes: Any) -> dict[str, Any]:
    """A rule as DescribeSecurityGroupRules has it."""
    given = {
        "SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": False, "IpProtocol": "tcp",
        "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0", **changes,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def found(*rules: dict[str, Any], event: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    rail = registry.get(NAME)
    return list(rail.remedies(list(rules), parse(event) if event else None, {**rail.options, **options}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(rule(CidrIpv4=OFFICE), id="the office may"),
        pytest.param(rule(FromPort=443, ToPort=443), id="443 to the world"),
        pytest.param(rule(FromPort=80, ToPort=80), id="80 to the world"),
        pytest.param(rule(FromPort=8443, ToPort=8443), id="a port that is not guarded"),
        pytest.param(rule(IpProtocol="icmp", FromPort=-1, ToPort=-1), id="ping"),
        pytest.param(rule(CidrIpv4="0.0.0.0/1"), id="half of the world is not the whole"),
        pytest.param(rule(CidrIpv4=None, ReferencedGroupInfo={"GroupId": "sg-2"}), id="another group"),
        pytest.param(rule(CidrIpv4=None, PrefixListId="pl-1"), id="a prefix list"),
        pytest.param(rule(IpProtocol="-1", FromPort=-1, ToPort=-1, CidrIpv4=OFFICE), id="all ports to the office"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize(
    ("guilty", "why"),
    [
        (rule(), "sg-1 admits 0.0.0.0/0 to port 22"),
        (rule(CidrIpv4=None, CidrIpv6="::/0"), "sg-1 admits ::/0 to port 22"),
        (rule(CidrIpv4="208.236.235.254/0"), "sg-1 admits 208.236.235.254/0 to port 22"),
        (rule(FromPort=3306, ToPort=3306), "sg-1 admits 0.0.0.0/0 to port 3306"),
        (rule(FromPort=0, ToPort=65535), "sg-1 admits 0.0.0.0/0 to all ports"),
        (rule(IpProtocol="-1", FromPort=-1, ToPort=-1), "sg-1 admits 0.0.0.0/0 to all ports"),
        (rule(FromPort=3000, ToPort=3400), "sg-1 admits 0.0.0.0/0 to port 3306, 3389"),
        (rule(IpProtocol="udp", FromPort=11211, ToPort=11211), "sg-1 admits 0.0.0.0/0 to port 11211"),
    ],
)
def test_remedies(guilty: dict[str, Any], why: str) -> None:
    office = rule(SecurityGroupRuleId="sgr-2", CidrIpv4=OFFICE)
    [remedy] = found(office, guilty)
    assert remedy.why == why
    [fix] = remedy.fix
    assert fix.operation == "revoke_security_group_ingress"
    [revoked] = fix.params["IpPermissions"]
    assert revoked["IpProtocol"] == guilty["IpProtocol"]
    if guilty["IpProtocol"] != "-1":
        assert (revoked["FromPort"], revoked["ToPort"]) == (guilty["FromPort"], guilty["ToPort"])
    addresses = [*revoked.get("IpRanges", []), *revoked.get("Ipv6Ranges", [])]
    assert [next(iter(one.values())) for one in addresses] == [guilty.get("CidrIpv4") or guilty["CidrIpv6"]]


def test_a_rule_that_is_narrowed_meanwhile_stays(account: TestAccount) -> None:
    group = build(account)
    event = breach(account, group)
    ec2 = account.client("ec2")
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    [open_rule] = [one for one in rules if one.get("FromPort") == 22 and one.get("CidrIpv4") == "0.0.0.0/0"]
    narrowed = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "203.0.113.0/24"}
    changes = [{"SecurityGroupRuleId": open_rule["SecurityGroupRuleId"], "SecurityGroupRule": narrowed}]

    def narrow(_number: int, made: Made) -> None:
        if made.operation == "TransactWriteItems" and changes:
            ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[changes.pop()])

    account.wire.fail(narrow)
    account.deliver(event)
    account.wire.calm()
    assert "203.0.113.0/24" in str(state(account, group))


def test_ports_can_be_set() -> None:
    assert found(rule(), allowed_ports=(22,)) == []
    assert len(found(rule(FromPort=8443, ToPort=8443), ports=(8443,))) == 1


def test_what_the_event_did_not_bring_is_not_blamed_on_its_actor(account: TestAccount) -> None:
    group = build(account)
    breach(account, group)
    web = authorise(account, group, IpProtocol="tcp", FromPort=8443, ToPort=8443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    [finding] = account.deliver(web)
    assert (finding.origin, finding.status, finding.actor) == ("sweep", "asked", None)


def test_modified_rule(account: TestAccount) -> None:
    group = build(account)
    ec2 = account.client("ec2")
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    [ssh] = [one for one in rules["SecurityGroupRules"] if one.get("FromPort") == 22]
    changed = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    identifier = ssh["SecurityGroupRuleId"]
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": identifier, "SecurityGroupRule": changed}]
    )
    event = cloudtrail(
        "ec2:ModifySecurityGroupRules",
        {
            "ModifySecurityGroupRulesRequest": {
                "GroupId": group,
                "SecurityGroupRule": {
                    "SecurityGroupRuleId": identifier,
                    "SecurityGroupRule": {"CidrIpv4": "0.0.0.0/0", "FromPort": 22, "ToPort": 22, "IpProtocol": "tcp"},
                    "tag": 1,
                },
            }
        },
        {"ModifySecurityGroupRulesResponse": {"return": True}},
    )
    [finding] = account.deliver(event)
    assert (finding.status, finding.origin) == ("fixed", "event")
    assert [permission["FromPort"] for permission in state(account, group)] == [443]


@pytest.mark.parametrize(
    "request_parameters",
    [
        pytest.param({"cidrIp": "0.0.0.0/0", "fromPort": 22, "toPort": 22, "ipProtocol": "tcp"}, id="flat"),
        pytest.param(
            {
                "ipPermissions": {
                    "items": [
                        {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipRanges": {"items": []}},
                        {
                            "ipProtocol": "tcp",
                            "fromPort": 22,
                            "toPort": 22,
                            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
                        },
                    ]
                }
            },
            id="nested",
        ),
    ],
)
def test_the_request_alone_tells_what_was_brought(request_parameters: dict[str, Any]) -> None:
    event = cloudtrail(
        "ec2:AuthorizeSecurityGroupIngress", {"groupId": "sg-1", "ipPermissions": {}, **request_parameters}
    )
    old = rule(SecurityGroupRuleId="sgr-2", FromPort=3389, ToPort=3389)
    assert [remedy.brought for remedy in found(rule(), old, event=event)] == [True, False]
