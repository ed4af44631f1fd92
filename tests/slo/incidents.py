"""Made-up traffic with an incident in it, and the alarms of an objective that watch it, minute by minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.services import kinds, sli
from chalicelib.services.kinds import alb
from chalicelib.services.model import Counts, Metric, Objective, Target
from chalicelib.slo import alarms
from chalicelib.slo.alarms import Told
from local.cloudwatch.simulation import Simulation
from local.cloudwatch.store import Metric as Stored
from local.cloudwatch.store import Store

BALANCER = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
START = 1_795_000_000 // 86_400 * 86_400
DAY, HOUR, MINUTE = 86_400, 3600, 60
HEALTHY = "parapet-test-unhealthy"


def objective(goal: float = 99.9, days: int = 30, few: int = 5, absent: int = 0) -> Objective:
    """The promise that the load balancer of the shop answers."""
    return Objective("shop", "availability", "availability", goal, days, few=few, absent=absent)


def indicator() -> Counts:
    """What counts for it."""
    found = sli.of(objective(), alb.measures(BALANCER))
    assert isinstance(found, Counts)
    return found


def given(promise: Objective) -> list[dict[str, Any]]:
    """Its alarms, as PutMetricAlarm and PutCompositeAlarm take them."""
    made = alarms.resources(promise, indicator(), "test", Told("alerts", "pages"))
    return [one["Properties"] for one in made.values()]


class Incident:
    """Traffic by the minute: how many requests came to targets, how many of those failed, how many came to none.

    What is 0 is not published at all, as the load balancer does it.
    """

    def __init__(
        self, promise: Objective, before: int = 3 * DAY, failed: float = 0, lately: int = 0, only: tuple[str, ...] = ()
    ) -> None:
        """Start with days of traffic, a thousand requests a minute, of which so many failed for the last minutes.

        `only` names the alarms that are of interest, where not all of them are.
        """
        self.promise, self.store, self.now = promise, Store(), START
        self.metrics = dict(zip(("failed", "refused", "requests"), sli.metrics(indicator()), strict=True))
        own = given(promise)
        # A stand-in for Parapet's own alarm, of which this one is nobody's child.
        own.append({
            "AlarmName": HEALTHY, "Namespace": "Parapet", "MetricName": "Unwell", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        })  # fmt: skip
        if only:
            own = [one for one in own if one["AlarmName"].removeprefix("parapet-test-shop-availability-") in only]
        self.simulation = Simulation(own, self.store)
        if before:
            many = before // MINUTE
            self.store.fill(stored(self.metrics["requests"]), self.now - before, MINUTE, [1000.0] * many)
        if lately:
            start = self.now - lately * MINUTE
            self.store.fill(stored(self.metrics["failed"]), start, MINUTE, [float(failed)] * lately)

    def minute(self, requests: float = 1000, failed: float = 0, refused: float = 0, unwell: bool = False) -> list[str]:
        """Let a minute go by and return what changed, as `shop-availability-page ALARM`."""
        for name, value in (("requests", requests), ("failed", failed), ("refused", refused)):
            if value:
                self.store.put_set(stored(self.metrics[name]), self.now, 1, value, value, value)
        if unwell:
            self.store.put(Stored.of("Parapet", "Unwell"), self.now, [1.0])
        self.now += MINUTE
        changes = self.simulation.step(self.now)
        return [f"{one.name.removeprefix('parapet-test-')} {one.after.value}" for one in changes]

    def on(self, *ends: str) -> bool:
        """Whether all of some alarms are on."""
        return all(self.simulation.state(f"parapet-test-shop-availability-{end}").value == "ALARM" for end in ends)

    def until(self, reached: Callable[[], bool], most: int, **traffic: float) -> int:
        """Let minutes go by until something is so, and return how many it took."""
        for number in range(1, most + 1):
            self.minute(**traffic)  # type: ignore[arg-type]
            if reached():
                return number
        raise AssertionError(f"not within {most} minutes")


def stored(metric: Metric) -> Stored:
    """A series as the local CloudWatch keeps it."""
    return Stored.of(metric.namespace, metric.name, dict(metric.dimensions))


class Watched:
    """Whatever a kind publishes of an entry, minute by minute, and all alarms of the objective that watches it."""

    def __init__(self, entry: Target, few: int = 5) -> None:
        """Begin without any metrics."""
        self.measured, self.now = kinds.measures(entry), START
        self.store = Store()
        promise, self.told = objective(few=few), list[str]()
        found = sli.of(promise, self.measured)
        made = alarms.resources(promise, found, "test", Told("alerts", None), down=self.measured.down)
        self.simulation = Simulation([one["Properties"] for one in made.values()], self.store)

    def before(self, minutes: int, values: Mapping[Metric, Sequence[float]]) -> None:
        """Tell what was published before it begins: of each metric as many values as minutes, NaN for none."""
        for metric, several in values.items():
            self.store.fill(stored(metric), START - minutes * MINUTE, MINUTE, several)

    def minute(self, values: Mapping[Metric, Sequence[float]]) -> None:
        """Let a minute go by in which so much is published: of each metric each point."""
        for metric, several in values.items():
            self.store.put(stored(metric), self.now, several)
        self.now += MINUTE
        self.told += [
            f"{one.name.removeprefix('parapet-test-shop-availability-')} {one.after.value}"
            for one in self.simulation.step(self.now)
            if "ALARM" in (one.before.value, one.after.value)
        ]

    def until(self, change: str, most: int, values: Mapping[Metric, Sequence[float]]) -> int:
        """Let minutes go by until a change is told, and return how many it took."""
        for number in range(1, most + 1):
            self.minute(values)
            if change in self.told:
                return number
        raise AssertionError(f"no {change} within {most} minutes, but {self.told}")

    @property
    def heard(self) -> list[str]:
        """Return what somebody was told."""
        return [one for one in self.told if one.startswith(("page ", "ticket "))]
