"""What is going on when somebody opens the page: five services, what CloudWatch has of them, and what waits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.services import golden, shown
from chalicelib.services.golden import Golden, View, Window
from chalicelib.services.limits import Limit
from chalicelib.services.model import Metric, Objective, Service, Sought, Target
from chalicelib.services.reading import Reading, Wanted
from chalicelib.slo import spending
from chalicelib.slo.budget import Budget
from chalicelib.times import iso

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# What a metric is worth at a time, by how long ago that is (seconds) and over which period; None: no point.
Story = Callable[[Metric, float, int], float | None]


def wave(ago: float, *, slow: float = 5400, quick: float = 700) -> float:
    """Return something between 0 and 1 that looks like a measurement."""
    return 0.5 + 0.28 * math.sin(ago / slow) + 0.14 * math.sin(ago / quick + 1) + 0.08 * math.sin(ago / 171)


def shop(metric: Metric, ago: float, period: int) -> float | None:
    """Errors for twenty minutes, slow answers, a database without connections, a machine without an agent."""
    outage = ago < 20 * MINUTE
    requests = period * (14 + 8 * wave(ago))
    match metric.name:
        case "RequestCount":
            return round(requests)
        case "HTTPCode_Target_5XX_Count":
            return round(requests * (0.062 if outage else 0.0002 * wave(ago)))
        case "HTTPCode_ELB_5XX_Count":
            return round(requests * 0.021) if outage else None
        case "TargetResponseTime":
            if 95 * MINUTE < ago < 110 * MINUTE:
                return None
            base = {"p50": 0.046, "p95": 0.171, "p99": 0.32}.get(metric.stat)
            if base is None:
                return 91.0 if outage else 99.4
            return base * (1 + wave(ago)) * ({"p50": 1.5, "p95": 3.1, "p99": 3.4}[metric.stat] if outage else 0.8)
        case "DatabaseConnections":
            return round(250 + 60 * wave(ago) + (115 if outage else 0))
        case "CPUUtilization":
            return (62 if metric.namespace == "AWS/RDS" else 38) + 12 * wave(ago)
        case "FreeableMemory":
            return 2.0**30 * (3.1 + wave(ago))
        case "FreeStorageSpace":
            return 2.0**30 * 61
        case "ReadLatency" | "WriteLatency":
            return 0.004 + 0.002 * wave(ago)
        case "StatusCheckFailed":
            return 0.0
    return None


def saas(metric: Metric, ago: float, period: int) -> float | None:
    """All is well; nights are quiet."""
    match metric.name:
        case "Count":
            return round(period * (3 + 2 * wave(ago)))
        case "5xx" | "5XXError":
            return 1.0 if 3.1 * DAY < ago < 3.15 * DAY else 0.0
        case "Latency" | "IntegrationLatency":
            base = {"p50": 38.0, "p95": 121.0, "p99": 240.0}.get(metric.stat)
            return 99.8 if base is None else base * (0.8 + 0.5 * wave(ago))
        case "CPUUtilization":
            return 21 + 6 * wave(ago)
        case "DatabaseConnections":
            return round(48 + 20 * wave(ago))
        case "FreeableMemory":
            return 2.0**30 * 9
    return None


def images(metric: Metric, ago: float, period: int) -> float | None:
    """A slow burn that a ticket tells."""
    match metric.name:
        case "Count":
            return round(period * 2 * (0.6 + wave(ago)))
        case "5XXError" | "5xx":
            return round(period * 0.0045 * (0.6 + wave(ago)) * (1 if ago < 3.2 * DAY else 0.05), 1)
        case "Latency" | "IntegrationLatency":
            base = {"p50": 80.0, "p95": 260.0, "p99": 700.0}.get(metric.stat)
            return 99.1 if base is None else base * (0.8 + 0.5 * wave(ago))
        case "CurrConnections":
            return 420.0
        case "DatabaseMemoryUsagePercentage" | "EngineCPUUtilization" | "CPUUtilization":
            return 55 + 10 * wave(ago)
    return None


def quiet(metric: Metric, ago: float, period: int) -> float | None:
    """Nothing since yesterday."""
    if metric.name in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed") and ago > 30 * HOUR:
        return 2.0 if metric.name != "ExecutionsFailed" else 0.0
    return None


def nothing(metric: Metric, ago: float, period: int) -> float | None:
    """No metric at all."""
    return None


BALANCER = "app/shop/50dc6c495c0c9188"


def _objectives(service: str, under: float | None = None) -> tuple[Objective, ...]:
    every = [Objective(service, "availability", "availability", 99.9)]
    if under:
        every.append(Objective(service, "latency", "latency", 95.0, under=under))
    return tuple(every)


SHOP = Service(
    "shop",
    Target("alb", {"load_balancer": BALANCER}),
    (
        Target("rds", {"instance": "shop", "max_connections": 413, "memory": 16}),
        Target("ec2", {"instance": "i-0a1b2c3d4e5f60718"}),
    ),
    _objectives("shop", 0.3),
    "https://wiki.example.com/runbooks/shop",
)
SAAS = Service(
    "saas",
    Target("api_http", {"api": "a1b2c3d4e5", "stage": "live"}),
    (Target("aurora", {"cluster": "saas", "max_connections": 1000, "memory": 16}),),
    _objectives("saas", 0.5),
)
IMAGES = Service(
    "images",
    Target("api_rest", {"api": "images", "stage": "live"}),
    (Target("elasticache", {"node": "images-001"}),),
    _objectives("images"),
)
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:intake"
INTAKE = Service("intake", Target("step_functions", {"state_machine": MACHINE}), (), _objectives("intake"))
PLATFORM = Service("platform", Target("alb", {"load_balancer": "app/platform/9188dc6c49550d0c"}))
ARCHIVE = Service("archive", Target("sqs", {"queue": "archive", "function": "archive"}))
SERVICES = {one.name: one for one in (SHOP, SAAS, IMAGES, INTAKE, PLATFORM, ARCHIVE)}
CONSOLE = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/"


@dataclass
class Scene:
    """What the stand-in answers with.

    Args:
        stories: of each service, by its name.
        denied: services whose metrics may not be read.
        on: names of the alarms that are on, by service.
        revoked: tokens that do not count any more.
        busy: whether something waits for people.
        mute: regions whose alarms nobody knows, and why.
        ill: systems whose traces fail, each with how (`local.systems.faults`), for the last twenty minutes.
        traces: what X-Ray says: `ok`, `denied` or `no_data`.
    """

    stories: dict[str, Story]
    denied: frozenset[str] = frozenset()
    on: dict[str, tuple[str, ...]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    busy: bool = True
    mute: dict[str, str] = field(default_factory=dict)
    ill: tuple[tuple[str, str], ...] = ()
    traces: str = "ok"
    health: dict[str, Any] = field(
        default_factory=lambda: {
            "status": "ok", "reasons": [], "version": "0.1.0", "stage": "prod", "region": "eu-west-1",
            "account": "123456789012", "table": "parapet-prod-journal", "paused": None, "pauses": [],
        }
    )  # fmt: skip

    def service(self, name: str, window: Window, now: float, *, points: bool = False) -> dict[str, Any]:
        """Return a service as the API shows it, made of what CloudWatch would have."""
        story = None if name in self.denied else self.stories[name]
        found, budgets = _seen(name, story, golden.view(window, charts=points), now)
        return shown.service(found, budgets, self.on.get(name, ()), points=points)

    def alarms(self, now: float) -> list[dict[str, Any]]:
        """Return the alarms that are on."""
        told = {
            "page": "The error budget of shop-availability (99.9 % good over 30 days) is being spent too fast: 2 % of "
            "it within 1 hour, and it goes on. At that rate all of the month's budget is gone in 50 h.",
            "ticket": "The error budget of images-availability (99.9 % good over 30 days) is being spent too fast: "
            "10 % of it within 3 days, and it goes on.",
        }
        silent = "This alarm tells nobody."
        return [
            {
                "name": name, "state": "ALARM", "since": iso(now - (17 * MINUTE if service == "shop" else 9 * HOUR)),
                "reason": "Threshold Crossed", "about": told.get(name.rsplit("-", 1)[1], silent),
                "kind": "composite" if name.rsplit("-", 1)[1] in told else "metric",
                "service": service, "objective": f"{service}-availability", "tells": name.rsplit("-", 1)[1] in told,
                "console": f"{CONSOLE}{name}", "region": "eu-west-1",
            }
            for service, names in self.on.items()
            for name in names
        ]  # fmt: skip

    def alerts(self, now: float) -> list[dict[str, Any]]:
        """Return the alerts that fire."""
        if not self.busy:
            return []
        return [
            {
                "id": "a-0123abcd", "episode": 3, "status": "firing", "severity": "critical",
                "title": "shop is failing: 8.3 % of requests answer 5xx", "source": "cloudwatch", "name": "shop-5xx",
                "service": "shop", "account": "123456789012", "region": "eu-west-1", "resource": None, "tags": {},
                "opened": iso(now - 16 * MINUTE), "age_seconds": 960, "changed": iso(now - 4 * MINUTE), "firing": 3,
                "total": 4, "acknowledged": "alice" if "a-0123abcd" in self.acknowledged else None,
                "acknowledged_at": iso(now) if "a-0123abcd" in self.acknowledged else None, "escalated": False,
                "destination": None,
            }
        ]  # fmt: skip

    def findings(self, now: float) -> list[dict[str, Any]]:
        """Return what waits for a decision."""
        asked = [
            (
                "9k2m4x7q", "s3_bucket_policy_public", "critical", "payroll-2026-exports",
                "bucket payroll-2026-exports can be read by anybody", 41 * MINUTE, None,
            ),
            (
                "b05vng1q", "rds_instance_public", "high", "orders-replica",
                "database orders-replica can be reached from the internet", 3 * HOUR,
                {"who": "bob", "arn": "arn:aws:iam::123456789012:user/bob", "ip": "198.51.100.7", "tool": "Terraform",
                 "kind": "IAMUser"},
            ),
        ]  # fmt: skip
        return [
            {
                "id": id_, "guardrail": guardrail, "account": "123456789012", "region": "eu-west-1",
                "resource": resource, "part": "", "status": "asked", "severity": severity, "origin": "sweep",
                "why": why, "opened": iso(now - age), "age_seconds": int(age), "actor": actor, "fixed": None,
                "remediation_seconds": None, "source": None, "acknowledged": None, "question": 2,
            }
            for id_, guardrail, severity, resource, why, age, actor in asked
            if self.busy and id_ not in self.gone
        ]  # fmt: skip

    def remediations(self, now: float) -> list[dict[str, Any]]:
        """Return what was put right."""
        fixed = [
            ("abcd1234", "ec2_security_group_open", "sg-0a1b2c3d4e5f60718",
             "sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)", 23 * MINUTE, "alice", True),
            ("efgh5678", "iam_access_key_for_other", "bob", "alice made the access key AKIAEXAMPLE for bob", 5 * HOUR,
             "alice", True),
            ("ijkl9012", "cloudtrail_logging_stopped", "organisation", "the trail organisation was stopped", 9 * HOUR,
             None, False),
        ]  # fmt: skip
        return [
            {
                "id": id_, "guardrail": guardrail, "account": "123456789012", "region": "eu-west-1",
                "resource": resource, "part": "", "status": "undone" if id_ in self.undone else "fixed",
                "severity": "high", "why": why, "who": who, "at": iso(now - age),
                "undo": undo and id_ not in self.undone,
            }
            for id_, guardrail, resource, why, age, who, undo in fixed
        ]  # fmt: skip

    def decided(self, kind: str, id_: str) -> None:
        """Have a command done."""
        {"undo": self.undone, "acknowledge": self.acknowledged}.get(kind, self.gone).add(id_)


@functools.cache
def _seen(name: str, story: Story | None, view: View, now: float) -> tuple[Golden, tuple[Budget, ...]]:
    """Return the signals and budgets of a service by what CloudWatch has of it; None: it says nothing to us."""
    one = SERVICES[name]
    reading = _reading(story, golden.wanted(one, view, now), now)
    past = _reading(story, golden.silent(one, reading, view, now), now)
    both = Reading({**past.points, **reading.points}, {**past.denied, **reading.denied})
    budgets = spending.budgets(one, _reading(story, spending.wanted(one, now), now), now)
    return golden.signals(one, both, _limits(one), view, now), budgets


def _reading(story: Story | None, wanted: Iterable[Wanted], now: float) -> Reading:
    if story is None:
        return Reading(denied={one.metric: "AWS denies cloudwatch:GetMetricData" for one in wanted})
    points: dict[tuple[Metric, int], dict[int, float]] = {}
    for one in wanted:
        start = int(one.start) // one.period * one.period
        # The newest minute is not there yet.
        every = range(start, int(now) - int(MINUTE), one.period)
        found = {at: value for at in every if (value := story(one.metric, now - at, one.period)) is not None}
        points[one.metric, one.period] = found | points.get((one.metric, one.period), {})
    return Reading(points)


def _limits(service: Service) -> Mapping[Sought, Limit]:
    """Return the limits that the settings tell, or AWS for every account; what neither does, nobody knows here."""
    found = {}
    for target, sought in golden.sought(service):
        own = target.given.get(sought.what)
        if isinstance(own, int | float):
            source = "parameter group shop-pg15" if sought.what == "max_connections" else "parapet.toml"
            found[sought] = Limit(own * 2.0**30 if sought.what == "memory" else own, source)
        elif sought.what == "requests":
            found[sought] = Limit(10_000, "AWS's usual quota")
    return found


def night() -> Scene:
    """Return a bad night: one service in each state that there is."""
    return Scene(
        {"shop": shop, "saas": saas, "images": images, "intake": quiet, "platform": nothing, "archive": nothing},
        frozenset({"platform"}),
        {"shop": ("parapet-prod-shop-availability-page",), "images": ("parapet-prod-images-availability-ticket",)},
        ill=(("shop", "db-connections"), ("images", "bad-deploy")),
    )


def calm() -> Scene:
    """Return a good night."""
    return Scene({"saas": saas}, busy=False)
