from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from chalicelib.reverts import Uncertain
from tests.account import TestAccount, canonical
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ec2_security_group_changed"
OFFICE, OTHER = "198.51.100.0/24", "198.51.100.128/25"
APP, HTTPS = "sg-0000000000000000a", "ingress tcp 443-443 198.51.100.0/24"


def build(account: TestAccount) -> str:
    ec2 = account.client("ec2")
    group = str(ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"])
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": OFFICE}]},
            {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": OFFICE}]},
            {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": OTHER}]},
        ],
    )
    return group


def asked(name: str, request: Any, response: Any = None, **more: Any) -> dict[str, Any]:
    """A change's record, as it is handled when somebody wants it taken back."""
    return cloudtrail(f"ec2:{name}", request, response or {"_return": True}, detail_type=registry.REVERT, **more)


def by_value(group: str, *ports: int, **range_: Any) -> dict[str, Any]:
    ranges = {"items": [range_ or {"cidrIp": OFFICE}]}
    return {
        "groupId": group,
        "ipPermissions": {
            "items": [{"ipProtocol": "tcp", "fromPort": one, "toPort": one, "ipRanges": ranges} for one in ports]
        },
    }


def close(account: TestAccount, group: str) -> dict[str, Any]:
    account.client("ec2").revoke_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": OFFICE}]}
            for port in (443, 8443)
        ],
    )
    return asked("RevokeSecurityGroupIngress", by_value(group, 443, 8443))


def add(account: TestAccount, group: str) -> dict[str, Any]:
    made = account.client("ec2").authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": OTHER, "Description": "dns"}]}
        ],
    )
    rules = [
        {
            "groupId": group, "securityGroupRuleId": one["SecurityGroupRuleId"], "isEgress": True,
            "ipProtocol": "udp", "fromPort": 53, "toPort": 53, "cidrIpv4": OTHER, "description": "dns",
        }
        for one in made["SecurityGroupRules"]
    ]  # fmt: skip
    return asked("AuthorizeSecurityGroupEgress", {"groupId": group}, {"securityGroupRuleSet": {"items": rules}})


def state(account: TestAccount, group: str) -> Any:
    """All of its rules, without their ids."""
    answer = account.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    rules = [{**one, "SecurityGroupRuleId": "", "SecurityGroupRuleArn": ""} for one in answer["SecurityGroupRules"]]
    return sorted(canonical(rules), key=str)


SCENARIO = Scenario(NAME, build, close, state, also=(Scenario(NAME, build, add, state),))


def rule(**changes: Any) -> dict[str, Any]:
    """A rule as DescribeSecurityGroupRules has it."""
    given = {
        "SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": False, "IpProtocol": "tcp",
        "FromPort": 443, "ToPort": 443, "CidrIpv4": OFFICE, **changes,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def found(event: dict[str, Any], *rules: dict[str, Any]) -> list[Any]:
    every = [reverts.there(one, "123456789012") for one in rules]
    given = {"group": "sg-1", "rules": {str(one): one for one in every}}
    return list(registry.get(NAME).remedies(given, parse(event), {}))


REVOKED = asked("RevokeSecurityGroupIngress", by_value("sg-1", 443))
ADDED = asked("AuthorizeSecurityGroupIngress", by_value("sg-1", 443))


def test_leaves_alone_what_is_no_longer_as_the_call_left_it() -> None:
    assert found(REVOKED, rule()) == []
    assert found(ADDED) == []
    both = asked("RevokeSecurityGroupIngress", by_value("sg-1", 443, 8443))
    assert found(both, rule()) == [], "somebody has put one of two back"


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({"group": "sg-1", "rules": {}}, None, {})) == []


def test_remedies_what_was_revoked_and_nothing_else() -> None:
    [remedy] = found(REVOKED, rule(FromPort=22, ToPort=22))
    assert remedy.part == HTTPS
    assert remedy.why == f"alice revoked {HTTPS} of sg-1, to be taken back"
    wanted = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": OFFICE}]}
    assert (remedy.before, remedy.after) == ({HTTPS: "not there"}, {HTTPS: wanted})
    [fix], [undo] = remedy.fix, remedy.undo
    assert (fix.operation, fix.params) == (
        "authorize_security_group_ingress",
        {"GroupId": "sg-1", "IpPermissions": [wanted]},
    )
    assert (undo.operation, undo.params) == (
        "revoke_security_group_ingress",
        {"GroupId": "sg-1", "IpPermissions": [wanted]},
    )


def test_remedies_what_was_added_and_gives_it_back_as_it_was() -> None:
    [remedy] = found(ADDED, rule(Description="shop"))
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params["IpPermissions"][0]["IpRanges"] == [{"CidrIp": OFFICE}]
    assert undo.params["IpPermissions"][0]["IpRanges"] == [{"CidrIp": OFFICE, "Description": "shop"}]
    assert remedy.after == {HTTPS: "not there"}


TOLD = {"groupId": "sg-1", "securityGroupRuleId": "sgr-1", "isEgress": False, "ipProtocol": "tcp",
        "fromPort": 5432, "toPort": 5432}  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "wanted"),
    [
        ({"cidrIpv4": OFFICE, "description": "us"}, {"IpRanges": [{"CidrIp": OFFICE, "Description": "us"}]}),
        ({"cidrIpv6": "2001:db8::/32"}, {"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}),
        ({"prefixListId": "pl-1"}, {"PrefixListIds": [{"PrefixListId": "pl-1"}]}),
        ({"referencedGroupId": APP}, {"UserIdGroupPairs": [{"GroupId": APP}]}),
        (
            {"referencedGroupInfo": {"groupId": APP, "userId": "210987654321"}},
            {"UserIdGroupPairs": [{"GroupId": APP, "UserId": "210987654321"}]},
        ),
        (
            {"referencedGroupInfo": {"groupId": APP, "userId": "123456789012"}},
            {"UserIdGroupPairs": [{"GroupId": APP}]},
        ),
    ],
)
def test_remedies_by_what_aws_says_was_revoked(peer: dict[str, Any], wanted: dict[str, Any]) -> None:
    # The console names the rule by its id alone.
    request = {"groupId": "sg-1", "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-1"}]}}
    told = {"revokedSecurityGroupRuleSet": {"items": [{**TOLD, **peer}]}}
    [remedy] = found(asked("RevokeSecurityGroupIngress", request, told))
    [fix] = remedy.fix
    assert fix.params["IpPermissions"] == [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **wanted}]


@pytest.mark.parametrize(
    ("range_", "part"),
    [
        ({"groups": {"items": [{"groupId": APP}]}}, f"ingress tcp 5432-5432 {APP}"),
        ({"ipRanges": {"items": [{"cidrIp": "198.51.100.7/24"}]}}, "ingress tcp 5432-5432 198.51.100.0/24"),
        ({"ipv6Ranges": {"items": [{"cidrIpv6": "2001:DB8:0::/32"}]}}, "ingress tcp 5432-5432 2001:db8::/32"),
        ({"prefixListIds": {"items": [{"prefixListId": "pl-1"}]}}, "ingress tcp 5432-5432 pl-1"),
    ],
)
def test_knows_rules_as_ec2_will_have_them(range_: dict[str, Any], part: str) -> None:
    one = {"ipProtocol": "6", "fromPort": 5432, "toPort": 5432, **range_}
    event = parse(asked("RevokeSecurityGroupIngress", {"groupId": "sg-1", "ipPermissions": {"items": [one]}}))
    assert [str(rule) for rule in reverts.rules(event).rules] == [part]


def test_knows_the_flat_request_and_all_protocols() -> None:
    flat = {"groupId": "sg-1", "ipProtocol": "-1", "cidrIp": OFFICE, "ipPermissions": {}}
    [one] = reverts.rules(parse(asked("RevokeSecurityGroupEgress", flat))).rules
    assert str(one) == f"egress -1 -1--1 {OFFICE}"
    assert one.permission() == {"IpProtocol": "-1", "IpRanges": [{"CidrIp": OFFICE}]}


BY_ID = {"groupId": "sg-1", "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-1"}]}}


@pytest.mark.parametrize(
    ("name", "request_", "response", "why"),
    [
        ("RevokeSecurityGroupIngress", BY_ID, None, "by their ids alone"),
        (
            "RevokeSecurityGroupIngress", BY_ID,
            {"revokedSecurityGroupRuleSet": {"items": [{"securityGroupRuleId": "sgr-1", "groupId": "sg-1"}]}},
            "by their ids alone",
        ),
        (
            "RevokeSecurityGroupIngress", by_value("sg-1", 443),
            {"unknownIpPermissionSet": {"items": [{"ipProtocol": "tcp"}]}}, "were not there",
        ),
        ("RevokeSecurityGroupIngress", {"groupId": "sg-1"}, None, "does not tell which"),
        ("RevokeSecurityGroupIngress", by_value("sg-1", *range(9000, 9011)), None, "11 rules"),
        ("RevokeSecurityGroupIngress", by_value("sg-1", 22, cidrIp="0.0.0.0/0"), None, "open port 22 to the world"),
        ("RevokeSecurityGroupIngress", by_value("sg-1", 22, cidrIp="128.0.0.0/1"), None, "open port 22 to the world"),
        ("RevokeSecurityGroupIngress", by_value("sg-1", 22, cidrIp="nonsense"), None, "not known here"),
        (
            "AuthorizeSecurityGroupIngress",
            {"groupId": "sg-1", "ipPermissions": {"items": [
                {"ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "groups": {"items": [{"groupName": "classic"}]}}]}},
            None, "not known here",
        ),
    ],
)  # fmt: skip
def test_tells_what_is_not_certain(name: str, request_: Any, response: Any, why: str) -> None:
    event = parse(asked(name, request_, response))
    with pytest.raises(Uncertain, match=why):
        reverts.rules(event)
    assert why in reverts.sorry(event)
