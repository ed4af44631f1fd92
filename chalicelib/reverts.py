"""What a call did, as far as its own record is certain of it: what it takes to take it back. Pure.

A record tells what was asked for, and often not what was before. What it does not tell is not guessed: `Uncertain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from chalicelib.events import parse, seconds
from chalicelib.exposure import ALLOWED, PORTS, exposed
from chalicelib.model import Event, ParapetError
from chalicelib.publicity import public, statements, unordered

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
# As Auto Scaling tells in the cause of what it does that somebody, and no alarm or schedule, has set a group's size.
_BY_HAND = re.compile(
    r"At (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) a user request "
    r"(?:explicitly set group desired capacity|update of AutoScalingGroup constraints to [^.]*?)"
    r" changing the desired capacity from (\d+) to (\d+)\."
)
# What is not published yet, and so changes under the same name.
LATEST = "$LATEST"
_VERSION = re.compile(r"[0-9]{1,9}|\$LATEST")
# So many seconds it may say that later than CloudTrail does.
CLOSE = 5.0
# Between the rules of one part.
AND = ", "
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

    @property
    def part(self) -> str:
        """Return the part of the group that they are."""
        return AND.join(map(str, self.rules))


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
    now, before = _ran(event, "PRIMARY"), _ran(event, "ACTIVE")
    if now and before == now:
        raise Uncertain("it deployed the same task definition again")
    if len(now) != 1 or len(before) != 1:
        raise Uncertain("its record does not tell which task definition ran before, or tells several")
    return Deployed(*before, *now)


def _service(event: Event) -> Mapping[str, Any]:
    """Return an ECS service as a call answered it."""
    service = event.response.get("service")
    return service if isinstance(service, Mapping) else {}


def _ran(event: Event, status: str) -> set[str]:
    """Return the task definitions of a service's deployments of a status, as a call answered them."""
    told = _service(event).get("deployments")
    deployments = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    return {str(one["taskDefinition"]) for one in deployments if one.get("status") == status}


def scales(event: Event) -> bool:
    """Whether an UpdateService is about how many tasks: it set that, and replaced no task definition by another."""
    now, before = _ran(event, "PRIMARY"), _ran(event, "ACTIVE")
    same = not event.request.get("taskDefinition") or (len(now) == 1 and before <= now)
    return "desiredCount" in event.request and same


def wanted(event: Event) -> int:
    """Return how many tasks an ECS service wants since a call; raises Uncertain."""
    told = {one.get("desiredCount") for one in (event.request, _service(event))} - {None}
    if len(told) != 1 or type(number := told.pop()) is not int:
        raise Uncertain("a record does not tell how many tasks the service wanted, or tells several numbers")
    return number


def scaled(event: Event) -> tuple[int, int]:
    """Return how many tasks an ECS service wanted before a call, and since; raises Uncertain."""
    now, earlier = wanted(event), event.detail.get(EARLIER)
    if "/" not in subject(event).partition(":service/")[2]:
        raise Uncertain("its record does not tell the service with its cluster")
    if not earlier:
        raise Uncertain("how many it wanted before the ledger does not tell, or Parapet itself has changed it since")
    before = wanted(parse(earlier))
    if before == now:
        raise Uncertain("the service wanted as many before")
    return before, now


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
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise Uncertain("its record does not tell where the alias points")
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
    was, did = aimed(parse(earlier)), aimed(event)
    if was.version == LATEST:
        raise Uncertain(f"it pointed to {LATEST} before, which may be other code by now than it was then")
    return was, did


def default(event: Event) -> str:
    """Return the version of a policy that counts since a call; empty where that changed nothing about it."""
    if event.name == "CreatePolicyVersion":
        version = event.response.get("policyVersion") if event.request.get("setAsDefault") is True else None
        return str(version.get("versionId") or "") if isinstance(version, Mapping) else ""
    policy = event.response.get("policy")
    made = policy.get("defaultVersionId") if isinstance(policy, Mapping) else None
    return str(made or event.request.get("versionId") or "")


def set_forth(event: Event) -> tuple[str, str]:
    """Return which version of a policy counted before a call, and which since; raises Uncertain."""
    now, earlier = default(event), event.detail.get(EARLIER)
    if not now:
        raise Uncertain("it did not change which version of the policy counts, or does not tell")
    # Versions are counted, and no number comes twice: at the second there was only the first.
    first = "v1" if event.name == "CreatePolicyVersion" and now == "v2" else ""
    before = first or (default(parse(earlier)) if earlier else "")
    if not before:
        raise Uncertain("which version counted before the ledger does not tell, or Parapet itself has changed it since")
    if before == now:
        raise Uncertain("the same version counted before")
    return before, now


def granted(event: Event) -> Mapping[str, Any] | None:
    """Return the policy that a bucket has had since a call, None for none; raises Uncertain."""
    if event.name != "PutBucketPolicy":
        return None
    policy = event.request.get("bucketPolicy")
    if not isinstance(policy, Mapping) or not policy:
        raise Uncertain("its record does not tell the policy, which may have been too long for it")
    return policy


def replaced(event: Event) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return the policy of a bucket before a call, and since, each None for none; raises Uncertain."""
    now, earlier = granted(event), event.detail.get(EARLIER)
    if not earlier:
        raise Uncertain("which policy it had before the ledger does not tell, or Parapet itself has changed it since")
    before = granted(parse(earlier))
    if unordered(before) == unordered(now):
        raise Uncertain("it left the policy as it was")
    if before and any(public(one) for one in statements(before)):
        raise Uncertain("the policy before granted something to everyone")
    return before, now


def boundless(document: str | Mapping[str, Any]) -> bool:
    """Whether a policy of IAM's allows every action, or all but some."""
    return any(
        one.get("Effect") == "Allow" and ("NotAction" in one or _every(one.get("Action")))
        for one in statements(document)
    )


def _every(actions: object) -> bool:
    return any(not str(one).strip("*?:") for one in (actions if isinstance(actions, list) else [actions]))


def subject(event: Event) -> str:
    """Return the ARN or name of what a call changed, where the call before it is what tells how that was."""
    policy = event.response.get("policy")
    made = policy.get("arn") if isinstance(policy, Mapping) else None
    return str(
        event.response.get("aliasArn")
        or _service(event).get("serviceArn")
        or made
        or event.request.get("policyArn")
        or event.request.get("bucketName")
        or ""
    )


def resized(event: Event) -> int:
    """Return how many instances a call made an Auto Scaling group want; raises Uncertain."""
    wanted = event.request.get("desiredCapacity")
    if type(wanted) is not int:
        raise Uncertain("it set no desired capacity, and what it set was not told before")
    return wanted


def size(event: Event, activities: Iterable[Mapping[str, Any]]) -> int:
    """Return how many instances a group wanted before a call, as its own activities tell; raises Uncertain."""
    wanted = resized(event)
    told = {change for one in activities for change in _BY_HAND.findall(one.get("Cause") or "")}
    before = {
        int(low) for at, low, high in told if int(high) == wanted and abs(seconds(at, event.id) - event.time) <= CLOSE
    }
    if len(before) != 1:
        raise Uncertain("the group's activities do not tell what its desired capacity was before, or tell several")
    return before.pop()


def back(event: Event) -> str:
    """Return what it means to take a call back, in words; raises Uncertain."""
    if event.source == "aws.autoscaling":
        resized(event)
        return f"have group {event.request['autoScalingGroupName']} want as many instances as before again"
    if event.source == "aws.ec2":
        did = rules(event)
        return f"{'revoke' if did.added else 'authorise'} {did.part} again"
    if event.source == "aws.ecs" and scales(event):
        return f"have service {subject(event).rpartition(':service/')[2]} want {scaled(event)[0]} tasks again"
    if event.source == "aws.ecs":
        again = f"deploy {deployed(event).before.rsplit('/', 1)[-1]} again"
        return f"{again}, and leave the desired count as it set it" if "desiredCount" in event.request else again
    if event.source == "aws.iam":
        return f"have {set_forth(event)[0]} of policy {subject(event).rpartition('/')[2]} count again"
    if event.source == "aws.s3":
        way = "give back the policy before to" if replaced(event)[0] else "leave without a policy"
        return f"{way} bucket {subject(event)} again"
    was, _ = moved(event)
    return f"point {str(event.response['aliasArn']).rpartition(':function:')[2]} to version {was.version} again"


def sorry(event: Event) -> str:
    """Return why a call is not taken back, whatever stands now; an empty text where it may be."""
    try:
        back(event)
    except Uncertain as error:
        return str(error)
    return ""
