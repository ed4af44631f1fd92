"""The alarms of all objectives, in stacks of their own: they page whatever becomes of Parapet's own stack.

A stack holds 500 resources, an objective has about a dozen. Each objective stays in the stack that it came to, so that
no alarm is made in one stack while another still has it; new ones go where there is room. CloudWatch keeps some metrics
in one region only (CloudFront's and Route 53's in us-east-1), and an alarm watches metrics of its own region, so that
objectives about those have their stack there. No topic of ours is in that region; EventBridge brings what their alarms
say to the region that Parapet runs in, where a rule hands it to the queue of alerts, and two count the pages that begin
and end, so that an alarm there can page without Parapet.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chalicelib.model import ParapetError
from chalicelib.services import kinds, sli
from chalicelib.services.model import Objective, Service
from chalicelib.settings import PREFIX
from chalicelib.slo import alarms
from chalicelib.slo.alarms import Resources, Told
from deploy.intrinsics import arn, document, resource, sub
from deploy.member import RETRY
from deploy.release import KEY, Template

# Of CloudFormation's 500 resources and its megabyte.
MOST, SIZE = 450, 900_000


class Place(NamedTuple):
    """Where a stack of objectives is: its region, and its number there."""

    region: str
    number: int

    def __str__(self) -> str:
        """Return the place as the metadata of a release and its record name it."""
        return f"{self.region}/{self.number}"

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place that a text names."""
        region, _, number = text.partition("/")
        return cls(region, int(number))

    def stack(self, stage: str) -> str:
        """Return what the stack is called."""
        return f"{PREFIX}-{stage}-objectives-{self.number}"


@dataclass(frozen=True)
class Promise:
    """An objective as people are shown it: what is promised, what its alarms are, and what they cost a month."""

    says: str
    resources: Mapping[str, Any]
    cost: float


@dataclass(frozen=True)
class Objectives:
    """The stacks of objectives as they are to be, beside those that there are, of which some may be broken."""

    wanted: Mapping[Place, Template] = field(default_factory=dict)
    there: Mapping[Place, Template] = field(default_factory=dict)
    broken: tuple[Place, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Whether there is nothing to do."""
        return self.wanted == self.there and not self.gone

    @property
    def gone(self) -> tuple[Place, ...]:
        """The stacks in which no objective is left."""
        return tuple(sorted({*self.there, *self.broken} - {*self.wanted}))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where there are stacks until all is done: those that go are remembered until a release comes without them."""
        return tuple(sorted({*self.wanted, *self.gone}))


def templates(
    services: Iterable[Service], stage: str, home: str, there: Mapping[Place, Template]
) -> dict[Place, Template]:
    """Return the templates of all objectives' alarms; raises ParapetError for what no alarm can watch.

    Args:
        services: whose objectives.
        stage: of the Parapet that they belong to.
        home: the region that it runs in.
        there: the stacks as they are: what is in one stays in it.
    """
    found: dict[str, dict[str, Resources]] = defaultdict(dict)
    says: dict[str, str] = {}
    for service in services:
        region = service.entry.region or home
        for objective in service.objectives:
            if objective.id in says:
                raise ParapetError(f"two objectives are called {objective.id}: give one of them another name")
            says[objective.id] = said(objective)
            found[region][objective.id] = _alarms(service, objective, stage, region, home)
            if region != home:
                found[home][objective.id] = _mirrored(service, objective, stage, region)
    return {
        Place(region, number): _template(Place(region, number), ids, found[region], says, stage, home)
        for region in found
        for number, ids in _placed(found[region], region, there).items()
    }


def places(template: Template) -> tuple[Place, ...]:
    """Return where a release has stacks of objectives, as its template tells."""
    return tuple(map(Place.of, template["Metadata"][KEY].get("objectives", ())))


def said(objective: Objective) -> str:
    """Return what is promised in a few words."""
    under = f" under {objective.under:g} s" if objective.under is not None else ""
    return f"{objective.goal:g} % {objective.aspect}{under}, {objective.days} days"


def promises(stacks: Mapping[Place, Template]) -> dict[str, Promise]:
    """Return the objectives in some stacks by their ids."""
    found: dict[str, Promise] = {}
    for template in stacks.values():
        for id_, told in template["Metadata"][KEY]["objectives"].items():
            # One about metrics of another region is in two stacks.
            before = found[id_].resources if id_ in found else {}
            own = {**before, **{logical: template["Resources"][logical] for logical in told["resources"]}}
            found[id_] = Promise(told["says"], own, alarms.cost(own.values()))
    return found


def elsewhere(services: Iterable[Service], home: str) -> tuple[str, ...]:
    """Return the regions beside Parapet's own in which objectives have their alarms."""
    regions = {one.entry.region or home for one in services if one.objectives}
    return tuple(sorted(regions - {home}))


def _alarms(service: Service, objective: Objective, stage: str, region: str, home: str) -> Resources:
    measured = kinds.measures(service.entry)
    indicator = sli.of(objective, measured)
    down = measured.down if objective.aspect == "availability" else None
    if region == home:
        to = Told(_topic(stage, "alerts"), _topic(stage, "page"))
        return alarms.resources(objective, indicator, stage, to, service.runbook, down)
    found = alarms.resources(objective, indicator, stage, Told(), service.runbook, down)
    ends = [end for end in alarms.TELLING if alarms.logical(objective.id, end) in found]
    return found | {alarms.logical(objective.id, "told"): _forwarded(objective, ends, stage, home)}


def _mirrored(service: Service, objective: Objective, stage: str, region: str) -> Resources:
    """Return what is at home of an objective that is elsewhere: how it pages without Parapet."""
    indicator = sli.of(objective, kinds.measures(service.entry))
    names = tuple(f"{PREFIX}-{stage}-{word}-{_digest(objective)}" for word in ("begun", "ended"))
    found = alarms.mirrored(
        objective, indicator, stage, Told(None, _topic(stage, "page")), (names[0], names[1]), service.runbook
    )
    for name, value in zip(names, (["ALARM"], [{"anything-but": ["ALARM"]}]), strict=True):
        rule = resource(
            "AWS::Events::Rule",
            Name=name,
            Description=f"Counts when the page of {objective.id} in {region} has {name.split('-')[-2]}",
            EventPattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "region": [region],
                "detail": {"alarmName": [alarms.name(stage, objective.id, "page")], "state": {"value": value}},
            },
            State="ENABLED",
            # A rule without a target counts nothing; who hears the same of an alert twice hears it once.
            Targets=[{"Id": "queue", "Arn": _queue(stage), "RetryPolicy": RETRY}],
        )
        found[alarms.logical(objective.id, name.split("-")[-2])] = rule
    return found


def _queue(stage: str) -> dict[str, str]:
    return sub(f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{PREFIX}-{stage}-alerts")


def _digest(objective: Objective) -> str:
    """Return what stands for an objective in the name of a rule, which has room for 64 characters."""
    return hashlib.sha256(objective.id.encode()).hexdigest()[:12]


def _topic(stage: str, name: str) -> dict[str, str]:
    return sub(f"arn:${{AWS::Partition}}:sns:${{AWS::Region}}:${{AWS::AccountId}}:{PREFIX}-{stage}-{name}")


def _forwarded(objective: Objective, ends: Iterable[str], stage: str, home: str) -> dict[str, Any]:
    names = [alarms.name(stage, objective.id, end) for end in ends]
    target = {"Id": "home", "Arn": _bus(home), "RoleArn": arn("ForwardRole"), "RetryPolicy": RETRY}
    return resource(
        "AWS::Events::Rule",
        Name=f"{PREFIX}-{stage}-told-{_digest(objective)}",
        Description=f"Tells Parapet in {home} of the alarms of {objective.id}",
        EventPattern={
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change", "CloudWatch Alarm Configuration Change"],
            "detail": {"alarmName": names},
        },
        State="ENABLED",
        Targets=[target],
    )


def _bus(home: str) -> dict[str, str]:
    return sub(f"arn:${{AWS::Partition}}:events:{home}:${{AWS::AccountId}}:event-bus/default")


def _role(place: Place, stage: str, home: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    forward = {"Sid": "Forward", "Effect": "Allow", "Action": "events:PutEvents", "Resource": _bus(home)}
    return resource(
        "AWS::IAM::Role",
        # IAM knows no regions, so the name must.
        RoleName=f"{PREFIX}-{stage}-told-{place.number}-{place.region}",
        AssumeRolePolicyDocument=document(trust),
        PermissionsBoundary=sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{PREFIX}-{stage}-boundary"),
        Policies=[{"PolicyName": "parapet", "PolicyDocument": document(forward)}],
    )


def _template(
    place: Place, ids: Iterable[str], found: Mapping[str, Resources], says: Mapping[str, str], stage: str, home: str
) -> dict[str, Any]:
    own = {id_: found[id_] for id_ in sorted(ids)}
    told = {id_: {"says": says[id_], "resources": sorted(one)} for id_, one in own.items()}
    resources = {logical: made for one in own.values() for logical, made in one.items()}
    if place.region != home:
        resources["ForwardRole"] = _role(place, stage, home)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Alarms of the objectives in {PREFIX}-{stage}'s settings: they page by themselves",
        "Metadata": {KEY: {"objectives": told}},
        "Resources": resources,
    }


def _placed(found: Mapping[str, Resources], region: str, there: Mapping[Place, Template]) -> dict[int, list[str]]:
    """Return which objectives go into which stack of a region."""
    placed: dict[int, list[str]] = defaultdict(list)
    for place, template in sorted(there.items()):
        if place.region == region:
            placed[place.number] = [id_ for id_ in template["Metadata"][KEY]["objectives"] if id_ in found]
    settled = {id_ for ids in placed.values() for id_ in ids}
    for id_ in sorted(set(found) - settled):
        number = 1
        while not _fits([found[one] for one in (*placed[number], id_)]):
            number += 1
        placed[number].append(id_)
    return {number: ids for number, ids in placed.items() if ids}


def _fits(several: Iterable[Resources]) -> bool:
    sizes = [(len(one), len(json.dumps(one))) for one in several]
    return sum(many for many, _ in sizes) <= MOST and sum(size for _, size in sizes) <= SIZE
