"""What a call did, as far as its own record is certain of it: what it takes to take it back. Pure.

A record tells what was asked for, and often not what was before. What it does not tell is not guessed: `Uncertain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from chalicelib.events import parse
from chalicelib.exposure import ALLOWED, PORTS, exposed
from chalicelib.model import Event, ParapetError

# More rules than this nobody decides about at once.
MOST = 10
# What is wider than a /8 is most often a part of the world, so that nobody sees that all of it is meant.
NARROW = 8
# What a rule admits: as DescribeSecurityGroupRules has it, as calls and their records do, and where in a permission.
_PEERS = (
    ("CidrIpv4", "cidrIp", "IpRanges", "CidrIp"),
    ("CidrIpv6", "cidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    ("PrefixListId", "prefixListId", "PrefixListIds", "PrefixListId"),
    ("GroupId", "groupId", "UserIdGroupPairs", "GroupId"),
)
_LISTS = ("ipRanges", "ipv6Ranges", "prefixListIds", "groups")
# As EC2 names them, whatever somebody has called them.
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
# Where an event carries the call before it, as the ledger kept it.
EARLIER = "earlier"


class Uncertain(ParapetError):
    """A call that nobody can be sure to take back; the text says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a security group: whom it admits (`peer`, of the kind `of`), and the account of another's group."""

    egress: bool
    protocol: str
    low: int
    high: int
    of: str
    peer: str
    owner: str = ""
    description: str = ""

    def __str__(self) -> str:
        """Return what makes a rule itself within its group: `ingress tcp 443-443 198.51.100.0/24`."""
        way = "egress" if self.egress else "ingress"
        return f"{way} {self.protocol} {self.low}-{self.high} {self.peer}"

    def permission(self, *, described: bool = True) -> dict[str, Any]:
        """Return the `IpPermission` that makes it."""
        where, key = next((one[2], one[3]) for one in _PEERS if one[0] == self.of)
        ports = {} if self.protocol == "-1" else {"FromPort": self.low, "ToPort": self.high}
        owner = {"UserId": self.owner} if self.owner else {}
        text = {"Description": self.description} if described and self.description else {}
        return {"IpProtocol": self.protocol, **ports, where: [{key: self.peer, **owner, **text}]}

    @property
    def opens(self) -> str:
        """Which guarded ports it opens to the whole world, in words; empty when none."""
        if self.egress or not self.of.startswith("Cidr"):
            return ""
        # Two halves are the world, too.
        whole = self.peer if ip_network(self.peer).prefixlen >= NARROW else "0.0.0.0/0"
        return exposed(self.protocol, self.low, self.high, whole, PORTS, ALLOWED)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a call did to the rules of a security group: whether it added them, and which."""

    added: bool
    rules: tuple[Rule, ...]


def there(raw: Mapping[str, Any], own: str) -> Rule | None:
    """Return a rule as DescribeSecurityGroupRules has it; None for one of a kind that is not known here.

    Args:
        raw: the rule.
        own: the account of the group.
    """
    group = raw.get("ReferencedGroupInfo") or {}
    for of, *_ in _PEERS:
        if peer := group.get("GroupId") if of == "GroupId" else raw.get(of):
            low, high = raw.get("FromPort", -1), raw.get("ToPort", -1)
            owner = _foreign(group.get("UserId"), own)
            return Rule(
                raw["IsEgress"], raw["IpProtocol"], low, high, of, peer, owner, raw.get("Description") or ""
            )  # fmt: skip
    return None


def rules(event: Event) -> Rules:
    """Return what an authorisation or a revocation did; raises Uncertain."""
    added, egress = event.name.startswith("Authorize"), event.name.endswith("Egress")
    answered = event.response.get("securityGroupRuleSet" if added else "revokedSecurityGroupRuleSet")
    if event.response.get("unknownIpPermissionSet"):
        raise Uncertain("some of the rules that it named were not there")
    told = _items(answered)
    if told and all(_named(one) for one in told):
        found = [_rule(one, one, egress, event.account) for one in told]
    elif event.request.get("securityGroupRuleIds"):
        raise Uncertain("it names rules by their ids alone, and what they were nobody has told")
    else:
        found = list(_asked(event, egress))
    if not found:
        raise Uncertain("its record does not tell which rules")
    if len(found) > MOST:
        raise Uncertain(f"it is about {len(found)} rules: more than {MOST} nobody decides about at once")
    if not added and (open_ := next((one for one in found if one.opens), None)):
        raise Uncertain(f"to take it back would open {open_.opens} to the world ({open_})")
    return Rules(added, tuple(found))


def _asked(event: Event, egress: bool) -> Iterator[Rule]:
    """Yield the rules that a request names by what they are."""
    request = event.request
    for one in _items(request.get("ipPermissions")):
        for name in _LISTS:
            for range_ in _items(one.get(name)):
                yield _rule(one, range_, egress, event.account)
    if _peer(request, flat=True):
        yield _rule(request, request, egress, event.account, flat=True)


def _rule(one: Mapping[str, Any], range_: Mapping[str, Any], egress: bool, own: str, *, flat: bool = False) -> Rule:
    """Return a rule as records spell it: its ports, and whom it admits."""
    found = _peer(range_, flat=flat)
    group = range_.get("referencedGroupInfo") or range_
    try:
        if found is None:
            raise ValueError("it admits nobody")
        of, peer = found
        peer = str(ip_network(peer, strict=False)) if of.startswith("Cidr") else peer
        protocol = str(one["ipProtocol"]).lower()
        low, high = (int(one.get(name, -1)) for name in ("fromPort", "toPort"))
    except (KeyError, TypeError, ValueError):
        raise Uncertain("its record names a rule in a way that is not known here") from None
    owner, protocol = _foreign(group.get("userId"), own), _PROTOCOLS.get(protocol, protocol)
    return Rule(egress, protocol, low, high, of, peer, owner, range_.get("description") or "")


def _named(one: Mapping[str, Any]) -> bool:
    """Whether an answer tells what a rule was, and not its id alone."""
    return bool(one.get("ipProtocol")) and _peer(one) is not None


def _peer(one: Mapping[str, Any], *, flat: bool = False) -> tuple[str, str] | None:
    """Return whom a rule admits, and of which kind that is; a rule in an answer has its own group's id beside."""
    group = one.get("referencedGroupInfo") or {}
    if other := group.get("groupId") or one.get("referencedGroupId"):
        return "GroupId", str(other)
    for of, name, *_ in _PEERS:
        value = one.get(name) or (one.get("cidrIpv4") if of == "CidrIpv4" else None)
        if value and not (of == "GroupId" and (flat or "ipProtocol" in one)):
            return of, str(value)
    return None


def _foreign(owner: object, own: str) -> str:
    return str(owner) if owner and owner != own else ""


def _items(value: object) -> list[Mapping[str, Any]]:
    found = value.get("items") if isinstance(value, Mapping) else value
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a call made an ECS service run, and what it ran before: task definitions."""

    before: str
    now: str


def deployed(event: Event) -> Deployed:
    """Return what an UpdateService deployed; raises Uncertain."""
    if not event.request.get("taskDefinition"):
        raise Uncertain("it deployed no task definition, and what it set was not told before")
    service = event.response.get("service")
    told = service.get("deployments") if isinstance(service, Mapping) else None
    deployments = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    now = _definitions(deployments, "PRIMARY")
    before = _definitions(deployments, "ACTIVE")
    if now and before == now:
        raise Uncertain("it deployed the same task definition again")
    if len(now) != 1 or len(before) != 1:
        raise Uncertain("its record does not tell which task definition ran before, or tells several")
    return Deployed(*before, *now)


def _definitions(deployments: Iterable[Mapping[str, Any]], status: str) -> set[str]:
    return {str(one["taskDefinition"]) for one in deployments if one.get("status") == status}


@dataclass(frozen=True, slots=True)
class Aimed:
    """Where an alias points: a version, and the shares of others."""

    version: str
    weights: Mapping[str, float]

    @property
    def view(self) -> dict[str, Any]:
        """Return it as the journal keeps it."""
        return {"version": self.version, "weights": dict(self.weights)}


def aimed(event: Event) -> Aimed:
    """Return where an alias has pointed since a call that made or moved it; raises Uncertain."""
    version, routing = event.response.get("functionVersion"), event.response.get("routingConfig")
    if not (isinstance(version, str) and version.isascii() and version.isdigit()):
        raise Uncertain("its record does not tell a version that can be gone back to")
    weights = routing.get("additionalVersionWeights") if isinstance(routing, Mapping) else None
    try:
        return Aimed(version, {str(name): float(share) for name, share in (weights or {}).items()})
    except (AttributeError, TypeError, ValueError):
        raise Uncertain("its record tells the shares of versions in a way that is not known here") from None


def moved(event: Event) -> tuple[Aimed, Aimed]:
    """Return where an alias pointed before a call, and since; raises Uncertain."""
    earlier = event.detail.get(EARLIER)
    if not earlier:
        raise Uncertain("where it pointed before the ledger does not tell, or Parapet itself has moved it since")
    return aimed(parse(earlier)), aimed(event)


def back(event: Event) -> str:
    """Return what it means to take a call back, in words; raises Uncertain."""
    if event.source == "aws.ec2":
        did = rules(event)
        several = ", ".join(map(str, did.rules))
        return f"revoke {several} again" if did.added else f"authorise {several} again"
    if event.source == "aws.ecs":
        return f"deploy {deployed(event).before.rsplit('/', 1)[-1]} again"
    was, _ = moved(event)
    return f"point {str(event.response['aliasArn']).rpartition(':function:')[2]} to version {was.version} again"


def sorry(event: Event) -> str:
    """Return why a call is not taken back, whatever stands now; an empty text where it may be."""
    try:
        back(event)
    except Uncertain as error:
        return str(error)
    return ""
