"""Services as a team describes them, and what is measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.insights.logs import Logs

Aspect = Literal["availability", "latency"]
# What a number is when there is none: never 0, never 100 %.
State = Literal["ok", "no_traffic", "no_data", "agent_missing", "denied"]
Unit = Literal["percent", "count", "seconds", "bytes"]
Dimensions = tuple[tuple[str, str], ...]
# A whole number, a flag, a text, several, or texts by name.
Given = Mapping[str, str | int | float | tuple[str, ...] | Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One series of CloudWatch's, under one statistic.

    Args:
        namespace: such as `AWS/ApplicationELB`.
        name: the metric's.
        dimensions: name and value, exactly as they are published.
        stat: `Sum`, `Average`, `p95`, `PR(:0.3)` …
        region: where it is kept; empty: where Parapet runs.
        account: whose it is; empty: Parapet's own (another needs CloudWatch's cross-account observability).
    """

    namespace: str
    name: str
    dimensions: Dimensions = ()
    stat: str = "Sum"
    region: str = ""
    account: str = ""

    def query(self, id_: str, period: int, *, returned: bool = False) -> dict[str, Any]:
        """Return it as CloudWatch is told, by readings and by alarms alike (a MetricDataQuery)."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        series = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        stat = {"Metric": series, "Period": period, "Stat": self.stat}
        owner = {"AccountId": self.account} if self.account else {}
        return {"Id": id_, "MetricStat": stat, "ReturnData": returned, **owner}


@dataclass(frozen=True, slots=True)
class Counts:
    """Bad ones of all, both counted; a counter that is published only when something is wrong may lack points.

    The total is never below the bad ones: what a load balancer refuses itself is in none of its requests.
    """

    bad: tuple[Metric, ...]
    total: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What lacks of a total: points are 1 when good and 0 when bad, `good` is their Sum, `total` their count."""

    good: Metric
    total: Metric


@dataclass(frozen=True, slots=True)
class Percent:
    """A published percentage of bad ones (its Average), of a total that is counted."""

    percent: Metric
    total: Metric


@dataclass(frozen=True, slots=True)
class Under:
    """How many of all are within a bound: `within` is the statistic PR(:bound) in percent, `total` the sample count."""

    within: Metric
    total: Metric


Sli = Counts | Shortfall | Percent | Under


@dataclass(frozen=True, slots=True)
class Timed:
    """A metric of durations, without a statistic yet.

    Args:
        metric: the series; its `stat` is replaced.
        per_second: how many of its units make a second: 1 for seconds, 1000 for milliseconds.
    """

    metric: Metric
    per_second: float = 1000.0


@dataclass(frozen=True, slots=True)
class Sought:
    """A number that is found by asking AWS or the settings, such as `max_connections` of a database.

    Args:
        what: what `services.limits` looks for: `max_connections`, `memory`, `storage`, `concurrency`, `capacity` …
        of: the resource.
    """

    what: str
    of: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """How full something is, and when that is bad.

    Args:
        name: short and unique within what it is of: `cpu`, `connections`.
        label: as people read it.
        metric: what is measured, with the statistic that is bad at its worst.
        unit: of the metric.
        full: what the metric is when nothing more fits: a number, another metric, or one that has to be found;
            None where the value says enough by itself.
        red: from which share of `full` (0 to 1), or from which value, it is bad.
        scale: what one of the metric's own units is in `unit`: 0.001 for milliseconds.
        rate: whether the metric's Sum is to be taken for each second of its period.
        falls: whether it is bad below `red` instead of above.
        silent: what it means that there is no point: a state, or "zero" for what is published only when it happens.
    """

    name: str
    label: str
    metric: Metric
    unit: Unit
    full: float | Metric | Sought | None = None
    red: float = 0.8
    falls: bool = False
    silent: State | Literal["zero"] = "no_data"
    scale: float = 1.0
    rate: bool = False

    def read(self, value: float, period: int) -> float:
        """Return what a point of so many seconds of its metric is in its unit."""
        return value * self.scale / (period if self.rate else 1)


@dataclass(frozen=True, slots=True)
class Target:
    """What stands somewhere and can be measured, as the settings name it.

    Args:
        kind: a module of `services.kinds`.
        given: what identifies it: `{"load_balancer": "app/shop/50dc6c495c0c9188"}`, and what is known otherwise:
            `{"max_connections": 413}`.
        region: where; empty: where Parapet runs.
        account: whose; empty: Parapet's own.
    """

    kind: str
    given: Given = field(default_factory=dict)
    region: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the bad ones apart: those that the load balancer made itself, those of the target."""

    name: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Down:
    """How it shows that nothing is left that could answer, where such requests are in none of the counts.

    Args:
        healthy: how many could answer, as whoever saw most of them (its Maximum); perhaps not told where none is left.
        missed: the requests that were turned away, perhaps others' too (a Sum); or how many there should be.
        standing: whether `missed` tells how many there should be, which is so at a time, and not what came in one.
    """

    healthy: Metric
    missed: Metric
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Measures:
    """All that is measured of a target.

    Args:
        availability: of its requests; None where it has none of its own.
        parts: kinds of bad requests apart.
        latency: how long they take; None where nothing tells.
        percentiles: whether CloudWatch can tell percentiles of `latency`.
        gauges: how full it is.
        down: how it shows that nothing is left that could answer; None where the counts tell.
    """

    availability: Sli | None = None
    parts: tuple[Part, ...] = ()
    latency: Timed | None = None
    percentiles: bool = True
    gauges: tuple[Gauge, ...] = ()
    down: Down | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """What is promised of a service.

    Args:
        service: its name.
        name: unique within the service: `availability`, `latency`.
        aspect: what of it.
        goal: how many requests must be good, in percent: 99.9.
        days: the window: 7, 28 or 30.
        under: for latency, within how many seconds a request is good.
        few: fewer bad requests than so many in a window wake nobody.
        absent: after how many seconds without any request that is an alarm; 0 where there need not be any.
    """

    service: str
    name: str
    aspect: Aspect
    goal: float = 99.9
    days: int = 30
    under: float | None = None
    few: int = 5
    absent: int = 0

    @property
    def id(self) -> str:
        """Return its name among all objectives."""
        return f"{self.service}-{self.name}"

    @property
    def budget(self) -> float:
        """Return the share of requests that may be bad: 0.001 for a goal of 99.9."""
        return round((100.0 - self.goal) / 100.0, 12)


@dataclass(frozen=True, slots=True)
class Service:
    """What a team runs.

    Args:
        name: lower case, digits and dashes.
        entry: where its users come in.
        dependencies: what it stands on.
        objectives: what is promised.
        runbook: where people read what to do.
        logs: its log groups, by the kind of what they hold where nothing else tells.
    """

    name: str
    entry: Target
    dependencies: tuple[Target, ...] = ()
    objectives: tuple[Objective, ...] = ()
    runbook: str = ""
    logs: Mapping[Logs, tuple[str, ...]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return the entry and all dependencies."""
        return (self.entry, *self.dependencies)
