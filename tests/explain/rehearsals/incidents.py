"""The catalogue: what happens in each incident, by a seed, and how its true cause is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.explain.model import Suspect
from chalicelib.ledger.model import NOTICE, Change
from chalicelib.model import Finding, Violation
from local.systems import SYSTEMS
from local.systems.faults import Kind
from tests.explain.rehearsals.stage import Plan, change
from tests.samples import ACCOUNT, REGION

# What bob deploys of each system.
DEPLOYS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "shop": ("UpdateAutoScalingGroup", "autoscaling.amazonaws.com", ("shop-web",)),
    "platform": ("UpdateService", "ecs.amazonaws.com", ("platform-web", "platform")),
    "images": ("UpdateFunctionCode20150331v2", "lambda.amazonaws.com", ("images-resize",)),
    "saas": ("UpdateFunctionCode20150331v2", "lambda.amazonaws.com", ("saas-api",)),
    "intake": ("UpdateFunctionCode20150331v2", "lambda.amazonaws.com", ("intake-parse",)),
}
Draw = random.Random


@dataclass(frozen=True)
class Incident:
    """What happens, and whether a suspect is its true cause; `quiet` where nothing is wrong."""

    name: str
    plan: Callable[[Draw, int], Plan]
    guilty: Callable[[Suspect, Plan], bool]
    quiet: bool = False


def one_of(draw: Draw, several: Sequence[str]) -> str:
    return draw.choice(list(several))


def decoys(draw: Draw, system: str, onset: int) -> list[Change]:
    """Two changes that have nothing to do with it."""
    other = one_of(draw, [name for name in SYSTEMS if name != system])
    action, source, resources = DEPLOYS[other]
    own, own_source, own_resources = DEPLOYS[system]

    def before(least: float, most: float) -> float:
        return onset - draw.uniform(least, most) * 60

    every: tuple[Callable[[], Change], ...] = (
        lambda: change(before(0, 60), action, source, resources, "carol", tool="terraform"),
        lambda: change(before(0, 60), "TagResource", own_source, own_resources, "dan", what="tags.team=shop"),
        lambda: change(before(0, 60), "PutMetricAlarm", "monitoring.amazonaws.com", (f"{system}-cpu",), "dan"),
        lambda: change(before(70, 170), own, own_source, own_resources, "carol", what="release 40"),
        lambda: change(before(1, 60), "AuthorizeSecurityGroupIngress", "ec2.amazonaws.com",
                       ("sg-0aaaaaaaaaaaaaaa1",), "erin", what="ipProtocol=tcp, fromPort=443"),
        lambda: change(before(20, 120), "RevokeSecurityGroupIngress", "ec2.amazonaws.com",
                       ("sg-0aaaaaaaaaaaaaaa2",), "erin", what="ipProtocol=tcp, fromPort=22"),
        lambda: change(before(1, 60), "CreateRole", "iam.amazonaws.com", ("build-agent",), "erin"),
        lambda: change(before(1, 60), "CreateSnapshot", "ec2.amazonaws.com", ("vol-0aaaaaaaaaaaaaaa3",), "dan"),
        lambda: change(before(0, 60), "UpdateWorkGroup", "athena.amazonaws.com", ("analysts",), "frank"),
        lambda: change(before(0, 30), "PutBucketPolicy", "s3.amazonaws.com", ("reports-of-finance",), "frank"),
    )  # fmt: skip
    return [make() for make in draw.sample(every, 2)]


def _plan(draw: Draw, onset: int, systems: Sequence[str], **more: object) -> Plan:
    system = one_of(draw, systems)
    plan = Plan(system, **more)  # type: ignore[arg-type]
    plan.changes += decoys(draw, system, onset)
    return plan


def _soon(draw: Draw, onset: int, most: float = 240) -> float:
    return onset - draw.uniform(10, most)


def bad_deploy(draw: Draw, onset: int) -> Plan:
    plan = _plan(draw, onset, list(DEPLOYS), kind=Kind("", failing=draw.uniform(0.05, 0.5), slower=draw.uniform(1, 2)))
    action, source, resources = DEPLOYS[plan.system]
    plan.message = SYSTEMS[plan.system].wrong[-1]
    plan.changes.append(change(_soon(draw, onset), action, source, resources, "bob", what="release 42"))
    return plan


def group_closed(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.4, 1.0), slower=draw.uniform(3, 8))
    plan = _plan(draw, onset, ("shop", "images", "saas"), kind=kind)
    plan.message = "OperationalError: could not connect to server: Connection timed out"
    plan.blamed = SYSTEMS[plan.system].database
    # Which group that is nobody can tell from its id.
    group = ("sg-0123456789abcdef0",)
    at, what = _soon(draw, onset, 120), "ipProtocol=tcp, fromPort=5432, cidrIp=198.51.100.0/24"
    plan.changes.append(change(at, "RevokeSecurityGroupIngress", "ec2.amazonaws.com", group, "ada", what=what))
    return plan


def second(draw: Draw, onset: int) -> Plan:
    """Earlier somebody's release failed and was taken back; now it is something else."""
    plan = group_closed(draw, onset)
    over = 60 * draw.randrange(8, 60)
    began = over + 60 * draw.randrange(15, 50)
    plan.earlier = (began, over)
    action, source, resources = DEPLOYS[plan.system]
    plan.changes[:0] = [
        change(onset - began - 60, action, source, resources, "bob", what="release 42"),
        change(onset - over - 30, action, source, resources, "bob", what="release 41"),
    ]
    return plan


def connections(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.15, 0.7), slower=draw.uniform(3, 6), connections=True)
    message = "OperationalError: FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute"
    return _plan(draw, onset, ("shop", "images", "saas"), kind=kind, message=message)


def throttled_table(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.05, 0.5), slower=draw.uniform(1.2, 3))
    message = "ProvisionedThroughputExceededException: The level of configured provisioned throughput was exceeded"
    plan = _plan(draw, onset, ("images", "saas"), kind=kind, message=message)
    table = "images-meta" if plan.system == "images" else "saas-tenants"
    what = draw.choice(("ReadThrottleEvents", "WriteThrottleEvents"))
    plan.samples.append(("AWS/DynamoDB", what, {"TableName": table}, draw.uniform(5, 400)))
    plan.blamed = table
    return plan


def ports(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.05, 0.4), slower=draw.uniform(2, 6))
    plan = _plan(draw, onset, ("shop",), kind=kind, message="ConnectTimeout: payments.example.com: timed out")
    gateway = {"NatGatewayId": "nat-0123456789abcdef0"}
    plan.samples.append(("AWS/NATGateway", "ErrorPortAllocation", gateway, draw.uniform(3, 900)))
    plan.blamed = "payments.example.com"
    return plan


def expired_secret(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.3, 1.0))
    plan = _plan(draw, onset, ("shop", "images", "saas"), kind=kind)
    plan.message = draw.choice((
        "OperationalError: FATAL: password authentication failed for user \"app\"",
        "ExpiredTokenException: The security token included in the request is expired",
        "401 from payments.example.com: the API key has expired",
    ))  # fmt: skip
    return plan


def slow_dependency(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.0, 0.02), slower=draw.uniform(5, 12))
    plan = _plan(draw, onset, ("shop", "platform"), kind=kind, message="timed out: no answer within 10 seconds")
    plan.blamed = {"shop": "payments.example.com", "platform": "platform-prices.example.com"}[plan.system]
    return plan


def poison(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.1, 0.4))
    return _plan(draw, onset, ("intake",), kind=kind, message="JSONDecodeError: Expecting value: line 1 column 1")


def targets_down(draw: Draw, onset: int) -> Plan:
    return _plan(draw, onset, ("shop", "platform"), kind=Kind("", down=True))


def region_wide(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.1, 0.8), slower=draw.uniform(1.5, 5))
    plan = _plan(draw, onset, list(SYSTEMS), kind=kind, message="InternalServerError: We encountered an internal error")
    others = [name for name in SYSTEMS if name != plan.system]
    plan.siblings = [(name, draw.uniform(-120, 300)) for name in draw.sample(others, draw.randint(2, 4))]
    if draw.random() < 0.5:
        plan.changes.append(change(
            onset + draw.uniform(0, 120), "AWS_DYNAMODB_OPERATIONAL_ISSUE", "aws.health", (), "", NOTICE,
            "issue: we are investigating increased error rates",
        ))  # fmt: skip
    return plan


def crowd(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.02, 0.3), slower=draw.uniform(1.5, 4))
    plan = _plan(draw, onset, ("shop", "platform", "images", "saas"), kind=kind, spike=draw.uniform(2, 5))
    plan.message = "timed out: no answer within 10 seconds"
    return plan


def right_taken(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.2, 1.0))
    plan = _plan(draw, onset, ("images", "saas", "intake"), kind=kind)
    plan.message = "AccessDeniedException: User is not authorized to perform this action"
    role = (f"{plan.system}-function", f"arn:aws:iam::{ACCOUNT}:policy/{plan.system}-data")
    plan.changes.append(change(_soon(draw, onset), "DetachRolePolicy", "iam.amazonaws.com", role, "ada"))
    return plan


def our_fix(draw: Draw, onset: int) -> Plan:
    kind = Kind("", failing=draw.uniform(0.3, 1.0), slower=draw.uniform(2, 6))
    plan = _plan(draw, onset, ("shop", "images", "saas"), kind=kind)
    plan.message = "connection refused: db.internal:5432"
    at = _soon(draw, onset, 120)
    violation = Violation("ec2_security_group_open", ACCOUNT, REGION, "sg-0123456789abcdef0", "tcp 22-22 0.0.0.0/0")
    plan.finding = Finding(
        "0123456v", violation, "high", "event", "fixed", at - 3, "port 5432 was open to the world", {}, {}, (), (), (),
        fixed_at=at,
    )  # fmt: skip
    return plan


def nothing(draw: Draw, onset: int) -> Plan:
    return _plan(draw, onset, list(SYSTEMS))


def nothing_but_a_deploy(draw: Draw, onset: int) -> Plan:
    plan = _plan(draw, onset, list(SYSTEMS))
    action, source, resources = DEPLOYS[plan.system]
    plan.changes.append(change(_soon(draw, onset), action, source, resources, "bob", what="release 42"))
    return plan


def _changed(action: str) -> Callable[[Suspect, Plan], bool]:
    return lambda one, plan: one.kind == "change" and one.change.startswith(action)


def _of(*words: str) -> Callable[[Suspect, Plan], bool]:
    return lambda one, plan: one.kind == "dependency" and any(word in one.title for word in words)


CATALOGUE: tuple[Incident, ...] = (
    Incident("bad deploy", bad_deploy, lambda one, plan: one.change == plan.changes[-1].id),
    Incident("security group closed by hand", group_closed, lambda one, plan: one.change == plan.changes[-1].id),
    Incident("the second incident in some hours", second, lambda one, plan: one.change == plan.changes[-1].id),
    Incident("database at its connection limit", connections, _of("shop-db", "images-db", "saas-db")),
    Incident("throttled table", throttled_table, _of("images-meta", "saas-tenants")),
    Incident("exhausted NAT ports", ports, _of("nat-")),
    Incident("expired secret", expired_secret, lambda one, plan: one.kind == "errors" and "credential" in one.title),
    Incident("dependency slow", slow_dependency, lambda one, plan: one.kind == "edge" and plan.blamed in one.title),
    Incident("poison message", poison, _of("intake-jobs-dead")),
    Incident("targets down", targets_down, _of("shop-web", "platform", "healthy")),
    Incident("region-wide errors", region_wide, lambda one, plan: one.kind == "region"),
    Incident("traffic spike", crowd, lambda one, plan: one.kind == "traffic"),
    Incident("a right taken away", right_taken, _changed("DetachRolePolicy")),
    Incident("our own fix", our_fix, lambda one, plan: one.kind == "remediation"),
    Incident("nothing wrong", nothing, lambda one, plan: False, quiet=True),
    Incident("nothing wrong, just deployed", nothing_but_a_deploy, lambda one, plan: False, quiet=True),
)
