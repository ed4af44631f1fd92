"""Which ARN a parameter of a call names, by the resource types of AWS's Service Authorization Reference."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from local.iam import CannotEvaluate, arns
from local.iam.arns import Matches

# What a call may give: only a name or id, only an ARN, or either.
Gives = Literal["name", "arn", "either"]


@dataclass(frozen=True)
class Kind:
    """A type of resource.

    Args:
        arn: its ARN after `arn:<partition>:`, with `{region}`, `{account}` and `{name}`.
        gives: how calls name it.
        not_: what looks like a name but stands for something that the call does not tell.
        pathed: whether a path may stand before the name that the call does not tell.
        end: what AWS puts behind the name, of which only the shape is known.
    """

    arn: str
    gives: Gives = "name"
    not_: str = ""
    pathed: bool = False
    end: str = ""


KINDS = {
    # Of which id a group is, a call does not tell.
    "autoscaling:autoScalingGroup": Kind(
        "autoscaling:{region}:{account}:autoScalingGroup:00000000-0000-4000-b000-000000000005"
        ":autoScalingGroupName/{name}"
    ),
    "budgets:budget": Kind("budgets::{account}:budget/{name}"),
    "cloudtrail:trail": Kind("cloudtrail:{region}:{account}:trail/{name}", "either"),
    "cloudwatch:alarm": Kind("cloudwatch:{region}:{account}:alarm:{name}", "either"),
    "dynamodb:table": Kind("dynamodb:{region}:{account}:table/{name}", "either"),
    "ecs:service": Kind("ecs:{region}:{account}:service/{name}", "either"),
    "ecs:service-revision": Kind("ecs:{region}:{account}:service-revision/{name}", "arn"),
    "ec2:image": Kind("ec2:{region}::image/{name}"),
    "ec2:instance": Kind("ec2:{region}:{account}:instance/{name}"),
    "ec2:network-acl": Kind("ec2:{region}:{account}:network-acl/{name}"),
    "ec2:security-group": Kind("ec2:{region}:{account}:security-group/{name}"),
    "ec2:snapshot": Kind("ec2:{region}::snapshot/{name}"),
    "events:event-bus": Kind("events:{region}:{account}:event-bus/{name}", "either"),
    "events:rule-on-default-event-bus": Kind("events:{region}:{account}:rule/{name}"),
    "iam:group": Kind("iam::{account}:group/{name}", pathed=True),
    "iam:policy": Kind("iam::{account}:policy/{name}", "arn"),
    "iam:role": Kind("iam::{account}:role/{name}", pathed=True),
    "iam:user": Kind("iam::{account}:user/{name}", pathed=True),
    "kms:key": Kind("kms:{region}:{account}:key/{name}", "either", r"alias/|arn:[^/]*:alias/"),
    "lambda:function": Kind("lambda:{region}:{account}:function:{name}", "either"),
    "logs:log-group": Kind("logs:{region}:{account}:log-group:{name}"),
    # Of which management account and organisation, a call does not tell: the caller's and an example stand for them.
    "organizations:organizationalunit": Kind("organizations::{account}:ou/o-0000000000/{name}", "name"),
    "rds:cluster": Kind("rds:{region}:{account}:cluster:{name}", "either"),
    "rds:cluster-pg": Kind("rds:{region}:{account}:cluster-pg:{name}", "either"),
    "rds:cluster-snapshot": Kind("rds:{region}:{account}:cluster-snapshot:{name}", "either"),
    "rds:db": Kind("rds:{region}:{account}:db:{name}", "either"),
    "rds:pg": Kind("rds:{region}:{account}:pg:{name}", "either"),
    "rds:snapshot": Kind("rds:{region}:{account}:snapshot:{name}", "either"),
    "s3:bucket": Kind("s3:::{name}", not_="arn:"),
    "s3:object": Kind("s3:::{name}", not_="arn:"),
    "secretsmanager:Secret": Kind("secretsmanager:{region}:{account}:secret:{name}", "either", end="-aBcDeF"),
    "sns:topic": Kind("sns:{region}:{account}:{name}", "arn"),
    "sqs:queue": Kind("sqs:{region}:{account}:{name}"),
    "ssm:parameter": Kind("ssm:{region}:{account}:parameter/{name}", "either", r"(?!arn:).*:"),
    # What is assumed may belong to another account, and is always given in full.
    "sts:role": Kind("iam::{account}:role/{name}", "arn"),
}


@dataclass(frozen=True)
class Place:
    """Where a call goes."""

    partition: str
    region: str
    account: str


def named(kind: str, given: str, place: Place) -> tuple[str, ...]:
    """Return the ARNs that a name, id, ARN or queue URL may mean, all of which must be allowed.

    Where the call does not tell a path that may be there, the ARN without and one with a path are both meant. What
    is no name at all is taken as one: AWS refuses such a call whatever the policy says.

    Raises:
        CannotEvaluate: when the call does not tell which resource it means.
    """
    one = KINDS[kind]
    if one.not_ and re.match(one.not_, given):
        raise CannotEvaluate(f"which {kind} {given!r} means is not in the call")
    if one.gives != "name" and _whole(kind)(given):
        return (given,)
    if one.gives == "arn":
        raise CannotEvaluate(f"{given!r} is not the ARN of a {kind}")
    if kind == "sqs:queue":
        *_, account, name = ["", *urlsplit(given).path.split("/")]
        return (_arn(one, name, replace(place, account=account)),)
    if one.pathed:
        return (_arn(one, given, place), _arn(one, f"some/path/{given}", place))
    return (_arn(one, given.removeprefix("/") + one.end, place),)


def every(kind: str, place: Place) -> str:
    """Return what AWS checks when a call is about all resources of a type."""
    return _arn(KINDS[kind], "*", place)


def _arn(kind: Kind, name: str, place: Place) -> str:
    return f"arn:{place.partition}:" + kind.arn.format(region=place.region, account=place.account, name=name)


@functools.cache
def _whole(kind: str) -> Matches:
    return arns.pattern("arn:*:" + KINDS[kind].arn.format(region="*", account="*", name="*"))


def account_of(arn: str, caller: str) -> str:
    """Return the account of a resource; where its ARN has none, as a bucket's, it is taken to be the caller's."""
    return (arn.split(":", 5)[4] if arn != "*" else "") or caller
