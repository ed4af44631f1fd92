"""What goes wrong with a system, from when until when, and what that does to its traffic: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does.

    Args:
        title: what it is, in words.
        failing: the share of what is served that fails with 5xx.
        slower: how many times as long everything takes.
        connections: whether the database has no connection left.
        down: whether nothing serves: all targets are unhealthy, or all functions throttled.
        silent: whether nobody comes.
        deploys: whether somebody brings it by a deployment.
    """

    title: str
    failing: float = 0.0
    slower: float = 1.0
    connections: bool = False
    down: bool = False
    silent: bool = False
    deploys: bool = False


KINDS: Mapping[str, Kind] = {
    "500s": Kind("a third of the requests fails", failing=0.34),
    "latency": Kind("everything takes nine times as long", failing=0.004, slower=9.0),
    "db-connections": Kind("the database has no connection left", failing=0.45, slower=5.0, connections=True),
    "targets-down": Kind("nothing is left that could answer", down=True),
    "traffic-stops": Kind("nobody comes any more", silent=True),
    "bad-deploy": Kind("bob deploys a version that fails", failing=0.12, slower=1.6, deploys=True),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a system, from a time to a time of the engine's clock."""

    system: str
    kind: str
    start: float
    end: float

    def covers(self, at: float) -> bool:
        """Whether it is on in the minute that begins at a time: the minute's middle decides."""
        return self.start <= at + 30 < self.end


def at_work(faults: Sequence[Fault], at: float) -> str:
    """Return the kind of what is wrong in the minute that begins at a time; empty where nothing is."""
    return next((one.kind for one in faults if one.covers(at)), "")


def past(system: str, now: float) -> tuple[Fault, ...]:
    """Return what went wrong in the month before a time, so that budgets and back-tests have something to tell.

    Nothing of it is younger than three days: the windows of burn alarms are quiet at the start.
    """
    day, hour = 86_400.0, now // 3600 * 3600
    told = {
        "shop": (("500s", 9 * day + 3600 * 5, 900), ("latency", 17 * day, 1800)),
        "platform": (("targets-down", 12 * day + 3600 * 8, 300),),
        "images": (("bad-deploy", 5 * day + 3600 * 3, 1200),),
        "saas": (("db-connections", 21 * day + 3600 * 2, 600),),
        "intake": (("traffic-stops", 6 * day, 7200),),
    }.get(system, ())
    return tuple(Fault(system, kind, hour - ago, hour - ago + seconds) for kind, ago, seconds in told)
