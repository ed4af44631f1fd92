"""Which alarms are on, of which service: those of its objectives, and those that watch what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.model import Aws, AwsError
from chalicelib.services.model import Service
from chalicelib.slo import alarms

# Asked again within so many seconds, the last answer still does; an answer costs little, and wakes the page.
FRESH = 1.0
T = TypeVar("T")
# What of an objective tells people; its other alarms are what these are made of.
TELLING = (*alarms.TELLING, "unheard")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as CloudWatch has it.

    Args:
        name: its.
        arn: its.
        state: ALARM, OK or INSUFFICIENT_DATA.
        since: when it came to be so, epoch seconds.
        reason: as CloudWatch says it.
        about: its description.
        composite: whether it is made of other alarms.
    """

    name: str
    arn: str
    state: str
    since: float
    reason: str
    about: str
    composite: bool

    @property
    def region(self) -> str:
        """Return where it is."""
        return self.arn.split(":")[3]


class Alarms:
    """Knows which alarms are on; kept for as long as its function's environment lives."""

    def __init__(self, reach: Callable[[str], Aws]) -> None:
        """Keep how to call CloudWatch in a region; an empty region is the one we run in."""
        self._reach = reach
        self._read: dict[str, tuple[float, tuple[Alarm, ...]]] = {}

    def on(
        self, services: Sequence[Service], stage: str, now: float
    ) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, AwsError]]:
        """Return the names of the alarms that are on for each service, what pages first, and which regions are mute."""
        firing, mute = each(("", *(one.entry.region for one in services)), lambda region: self.firing(region, now))
        on = {region: {alarm.name for alarm in some} for region, some in firing.items()}
        names = {one.name: on.get("", set()) | on.get(one.entry.region, set()) for one in services}
        return {one.name: tuple(n for n in telling(one, stage) if n in names[one.name]) for one in services}, mute

    def firing(self, region: str, now: float) -> tuple[Alarm, ...]:
        """Return all alarms that are on in a region, the latest first; raises AwsError."""
        if region not in self._read or now - self._read[region][0] >= FRESH:
            self._read[region] = (now, described(self._reach(region), StateValue="ALARM"))
        return self._read[region][1]


def regions(services: Iterable[Service], home: str) -> tuple[str, ...]:
    """Return where there is something of a service, the region we run in first, and as an empty text."""
    far = {target.region for one in services for target in one.targets} - {"", home}
    return ("", *sorted(far))


def each(regions: Iterable[str], ask: Callable[[str], T]) -> tuple[dict[str, T], dict[str, AwsError]]:
    """Return what each region answers, and why those say nothing that do not: all others still tell."""
    told: dict[str, T] = {}
    mute: dict[str, AwsError] = {}
    for region in dict.fromkeys(regions):
        try:
            told[region] = ask(region)
        except AwsError as error:
            mute[region] = error
    return told, mute


def telling(service: Service, stage: str) -> tuple[str, ...]:
    """Return the names of the alarms of a service's objectives that tell people, what pages first."""
    return tuple(alarms.name(stage, one.id, end) for end in TELLING for one in service.objectives)


def described(aws: Aws, **wanted: Any) -> tuple[Alarm, ...]:
    """Return alarms as DescribeAlarms finds them, metric and composite, the latest change first; raises AwsError."""
    types = ["MetricAlarm", "CompositeAlarm"]
    found: list[Alarm] = []
    token: dict[str, str] = {}
    while True:
        page = aws("cloudwatch", "describe_alarms", AlarmTypes=types, **wanted, **token)
        found += _read(page.get("MetricAlarms", ()), composite=False)
        found += _read(page.get("CompositeAlarms", ()), composite=True)
        if not page.get("NextToken"):
            return tuple(sorted(found, key=lambda one: (-one.since, one.name)))
        token = {"NextToken": page["NextToken"]}


def _read(raws: Sequence[Mapping[str, Any]], *, composite: bool) -> list[Alarm]:
    return [
        Alarm(
            raw["AlarmName"],
            raw["AlarmArn"],
            raw["StateValue"],
            (raw.get("StateTransitionedTimestamp") or raw["StateUpdatedTimestamp"]).timestamp(),
            raw.get("StateReason", ""),
            raw.get("AlarmDescription", ""),
            composite,
        )
        for raw in raws
    ]
