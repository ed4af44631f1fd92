"""A security group must not admit the whole internet to administrative or database ports, or to all ports.

Why: scanners find a port that is open to the world within minutes; SSH, RDP and databases are what they try.
Fix: revokes the offending rule alone; every other rule of the group, and 80/443 to the world, stay.
Undo: authorises the same rule again, description included.
Mode: fixing within seconds breaks nothing that worked before; a rule that has stood for long may be in use, so
the sweep asks.
Anew: the rule's id (sgr-…) and its tags.
Controls: FSBP EC2.13, EC2.14, EC2.18, EC2.19; CIS 3.0 5.2, 5.3
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.exposure import ALLOWED, PORTS, exposed
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Rule = Mapping[str, Any]


def read(aws: Aws, group: str) -> list[Rule]:
    """Return the group's ingress rules; raises AwsError."""
    rules = aws.all("ec2", "describe_security_group_rules", "SecurityGroupRules",
                    Filters=[{"Name": "group-id", "Values": [group]}])  # fmt: skip
    return [rule for rule in rules if not rule["IsEgress"]]


def subjects(aws: Aws) -> Iterable[str]:
    """Return every security group of the region."""
    return [group["GroupId"] for group in aws.all("ec2", "describe_security_groups", "SecurityGroups")]


def tags_of(aws: Aws, group: str, _rules: list[Rule]) -> Mapping[str, str]:
    """Return the group's tags; a rule may have others. Raises AwsError."""
    return tags.within(aws("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"])


def permission(rule: Rule, *, described: bool = True) -> dict[str, Any]:
    """Return a rule as the `IpPermission` that authorises it."""
    kind, key = ("IpRanges", "CidrIp") if "CidrIpv4" in rule else ("Ipv6Ranges", "CidrIpv6")
    text = {"Description": rule["Description"]} if described and rule.get("Description") else {}
    ports = {} if rule["IpProtocol"] == "-1" else {"FromPort": rule["FromPort"], "ToPort": rule["ToPort"]}
    return {"IpProtocol": rule["IpProtocol"], **ports, kind: [{key: cidr(rule), **text}]}


def cidr(rule: Rule) -> str:
    """Return the address range that a rule admits; empty for another group or a prefix list."""
    return str(rule.get("CidrIpv4") or rule.get("CidrIpv6") or "")


def part(rule: Rule) -> str:
    """Return what makes a rule itself within its group: protocol, ports and addresses."""
    return f"{rule['IpProtocol']} {rule.get('FromPort', -1)}-{rule.get('ToPort', -1)} {cidr(rule)}"


def current(rules: list[Rule], wanted: str) -> dict[str, Any] | None:
    """Return the permission of the rule that is this part, or None when the group has none."""
    return next((permission(rule) for rule in rules if part(rule) == wanted), None)


def brought(rule: Rule, event: Event) -> bool:
    """Whether the event's request or answer names this rule, in any of the shapes of the three calls."""
    request, made = event.request, event.response.get("securityGroupRuleSet") or {}
    changed = (request.get("ModifySecurityGroupRulesRequest") or {}).get("SecurityGroupRule") or []
    entries = changed if isinstance(changed, list) else [changed]
    named = {one.get("securityGroupRuleId") for one in made.get("items") or []}
    named |= {entry.get("SecurityGroupRuleId") for entry in entries}
    return rule["SecurityGroupRuleId"] in named or part(rule) in set(asked(request))


def asked(request: Mapping[str, Any]) -> Iterable[str]:
    """Yield the parts that an AuthorizeSecurityGroupIngress names, nested or flat."""
    nested = (request.get("ipPermissions") or {}).get("items") or []
    for one in (*nested, request):
        ranges = ((one.get("ipRanges") or {}).get("items") or []) + ((one.get("ipv6Ranges") or {}).get("items") or [])
        for range_ in (*ranges, one):
            address = range_.get("cidrIp") or range_.get("cidrIpv6")
            yield f"{one.get('ipProtocol')} {one.get('fromPort', -1)}-{one.get('toPort', -1)} {address}"


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("ec2:AuthorizeSecurityGroupIngress"):
            "requestParameters.groupId | responseElements.securityGroupRuleSet.items[].groupId",
        api_call("ec2:ModifySecurityGroupRules"):
            "requestParameters.ModifySecurityGroupRulesRequest.GroupId",
    },
    needs={
        "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress",
    },
    read=read,
    subjects=subjects,
    current=current,
    tags=tags_of,
    gone={"InvalidGroup.NotFound", "InvalidGroupId.NotFound"},
    options={"ports": PORTS, "allowed_ports": ALLOWED},
)  # fmt: skip
def check(rules: list[Rule], event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield a remedy for each rule that opens a guarded port to the world."""
    for rule in rules:
        ports = exposed(
            rule["IpProtocol"],
            rule.get("FromPort", -1),
            rule.get("ToPort", -1),
            cidr(rule),
            options["ports"],
            options["allowed_ports"],
        )
        if ports:
            yield Remedy(
                why=f"{rule['GroupId']} admits {cidr(rule)} to {ports}",
                part=part(rule),
                # By value, not by id: a rule that somebody narrows at this very moment keeps its id.
                fix=(call("ec2", "revoke_security_group_ingress", GroupId=rule["GroupId"],
                          IpPermissions=[permission(rule, described=False)]),),
                undo=(call("ec2", "authorize_security_group_ingress", GroupId=rule["GroupId"],
                           IpPermissions=[permission(rule)]),),
                before=permission(rule),
                after=None,
                brought=event is None or brought(rule, event),
            )  # fmt: skip
