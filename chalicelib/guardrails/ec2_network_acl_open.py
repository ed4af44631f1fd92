"""A network ACL must not name administrative or database ports and let the whole internet in to them.

Why: the ACL is what still holds when a security group is opened by mistake; an entry that names SSH or a database
for the world takes that away from every subnet behind it. Two kinds of entry are left alone because ACLs work that
way: all traffic, which is what AWS gives every VPC and where security groups do the work (`all_traffic = true` counts
it, though never rule 100 or 101 of a default ACL); and the high ports up to the end of the ephemeral range, such as
1024-65535, through which the answers to a subnet's own requests come back, since ACLs keep no state. A port that
an earlier entry denies to the world is not open.
Fix: deletes the offending entry alone; every other entry keeps its number.
Undo: creates the same entry under the same number.
Mode: deleting an entry that was created seconds ago breaks nothing that worked before. What a replaced entry let in
before is not in the event, so that deleting it might cut that off: there people are asked. What stands is only told.
Controls: FSBP EC2.21; CIS 3.0 5.1
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.exposure import ALLOWED, PORTS, exposed
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Acl = Mapping[str, Any]
Entry = Mapping[str, Any]
PROTOCOLS = {"-1": "all", "6": "tcp", "17": "udp"}
EPHEMERAL_STARTS, EPHEMERAL_ENDS = 1024, 60999
DEFAULT_ENTRIES = (100, 101)


def read(aws: Aws, acl: str) -> Acl:
    """Return the ACL with its ingress entries; raises AwsError."""
    [found] = aws("ec2", "describe_network_acls", NetworkAclIds=[acl])["NetworkAcls"]
    return {**found, "Entries": [entry for entry in found["Entries"] if not entry["Egress"]]}


def subjects(aws: Aws) -> Iterable[str]:
    """Return every network ACL of the region."""
    return [acl["NetworkAclId"] for acl in aws.all("ec2", "describe_network_acls", "NetworkAcls")]


def cidr(entry: Entry) -> str:
    """Return the address range that an entry is about."""
    return str(entry.get("CidrBlock") or entry.get("Ipv6CidrBlock") or "")


def ports(entry: Entry) -> tuple[int, int]:
    """Return the first and last port of an entry; -1 and -1 where it names none."""
    named = entry.get("PortRange") or {}
    return named.get("From", -1), named.get("To", -1)


def part(entry: Entry) -> str:
    """Return an entry's number, and what it lets in."""
    low, high = ports(entry)
    return f"ingress {entry['RuleNumber']} {PROTOCOLS[entry['Protocol']]} {low}-{high} {cidr(entry)}"


def current(acl: Acl, wanted: str) -> Entry | None:
    """Return the entry that has this part's number, or None: whatever takes the number stands in an undo's way."""
    return next((entry for entry in acl["Entries"] if str(entry["RuleNumber"]) == wanted.split()[1]), None)


def denied(acl: Acl, entry: Entry, port: int) -> bool:
    """Whether an earlier entry denies a port to everyone whom this entry admits."""
    return any(
        other["RuleAction"] == "deny"
        and other["RuleNumber"] < entry["RuleNumber"]
        and other["Protocol"] in ("-1", entry["Protocol"])
        and cidr(other) == cidr(entry)
        and (ports(other) == (-1, -1) or ports(other)[0] <= port <= ports(other)[1])
        for other in acl["Entries"]
    )


def opened(acl: Acl, entry: Entry, options: Mapping[str, Any]) -> str:
    """Return which guarded ports an entry opens to the world, in words; empty when none that counts."""
    low, high = ports(entry)
    guarded = [port for port in options["ports"] if not denied(acl, entry, port)]
    if entry["RuleAction"] != "allow" or not guarded or (low >= EPHEMERAL_STARTS and high >= EPHEMERAL_ENDS):
        return ""
    found = exposed(entry["Protocol"], low, high, cidr(entry), guarded, options["allowed_ports"])
    given_by_aws = acl["IsDefault"] and entry["RuleNumber"] in DEFAULT_ENTRIES
    return "" if found == "all ports" and (given_by_aws or not options["all_traffic"]) else found


def brought(entry: Entry, event: Event) -> bool:
    """Whether the event created or replaced this very entry."""
    asked = event.request
    named = asked.get("portRange") or {}
    return (
        not asked.get("egress")
        and asked.get("ruleNumber") == entry["RuleNumber"]
        and (named.get("from", -1), named.get("to", -1)) == ports(entry)
    )


@guardrail(
    severity="medium",
    default={"event": "enforce", "sweep": "observe"},
    on={
        api_call("ec2:CreateNetworkAclEntry"): "requestParameters.networkAclId",
        api_call("ec2:ReplaceNetworkAclEntry"): "requestParameters.networkAclId",
    },
    needs={"ec2:DescribeNetworkAcls", "ec2:DeleteNetworkAclEntry", "ec2:CreateNetworkAclEntry"},
    read=read,
    subjects=subjects,
    current=current,
    tags=tags.known,
    # moto names a network ACL that is gone as it names a route table.
    gone={"InvalidNetworkAclID.NotFound", "InvalidRouteTableID.NotFound"},
    options={"ports": PORTS, "allowed_ports": ALLOWED, "all_traffic": False},
)
def check(acl: Acl, event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield a remedy for each entry that opens a guarded port to the world."""
    name = acl["NetworkAclId"]
    for entry in acl["Entries"]:
        found = opened(acl, entry, options)
        if found:
            slot = {"NetworkAclId": name, "RuleNumber": entry["RuleNumber"], "Egress": False}
            yield Remedy(
                why=f"entry {entry['RuleNumber']} of {name} admits {cidr(entry)} to {found}",
                part=part(entry),
                fix=(call("ec2", "delete_network_acl_entry", **slot),),
                undo=(call("ec2", "create_network_acl_entry", **{**entry, **slot}),),
                before=entry,
                after=None,
                brought=event is None or brought(entry, event),
                ask=event is not None and event.name == "ReplaceNetworkAclEntry",
            )
