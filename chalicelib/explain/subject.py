"""What somebody asks about: a service at a time, or an alarm, and what is looked at for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.ledger import touched
from chalicelib.ledger.book import Book
from chalicelib.model import Aws
from chalicelib.reverting import Terms
from chalicelib.services import alarmed, kinds
from chalicelib.services.model import Service
from chalicelib.services.watch import Watch
from chalicelib.slo import alarms

# So much before a moment belongs to it, and so much after (seconds).
BEFORE, AFTER = 3 * 3600.0, 900.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be explained.

    Args:
        kind: which of both was asked for.
        name: of the alarm or the service.
        at: the moment, epoch seconds.
        now: when it is asked.
        service: whose moment it is; None where an alarm belongs to none that is known.
        alarm: as CloudWatch describes it.
        region: where, empty for the region that we run in.
    """

    kind: Literal["alarm", "service"]
    name: str
    at: float
    now: float
    service: Service | None = None
    alarm: Mapping[str, Any] | None = None
    region: str = ""

    @property
    def start(self) -> float:
        """Return from when on is looked."""
        return self.at // MINUTE * MINUTE - BEFORE

    @property
    def end(self) -> float:
        """Return until when: the minute that has not ended counts too little."""
        return min(self.now // MINUTE * MINUTE, self.at // MINUTE * MINUTE + AFTER)

    @property
    def id(self) -> str:
        """Return the same for whoever asks about the same minute."""
        told = f"{self.kind}/{self.name}/{self.region}/{int(self.at // MINUTE)}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def about(self) -> str:
        """Return what people call it: the service, or else the alarm."""
        return self.service.name if self.service else self.name


@dataclass(frozen=True)
class Desk:
    """Where it is looked up: how to reach a region of our account, journal and ledger, what the settings say."""

    reach: Callable[[str], Aws]
    stage: str
    table: str
    ledger: Callable[[], Book]
    services: tuple[Service, ...]
    watch: Watch
    # What the settings say of taking changes back.
    reverts: Terms = field(default_factory=Terms)


def whose(raw: Mapping[str, Any], services: Sequence[Service], stage: str) -> Service | None:
    """Return the service that an alarm is about: by its objective, or by what it watches.

    Args:
        raw: the alarm as CloudWatch describes it.
        services: all of the settings.
        stage: which Parapet's alarms.
    """
    for one in services:
        if raw["AlarmName"] in own_alarms(one, stage):
            return one
    stats = [one["MetricStat"]["Metric"] for one in raw.get("Metrics") or () if "MetricStat" in one] or [raw]
    watched = {each["Value"] for one in stats for each in one.get("Dimensions") or ()}
    titles = {
        one.name: {str(target.given[kinds.find(target.kind).title]) for target in one.targets} for one in services
    }
    found = [one for one in services if watched & titles[one.name]]
    # What several stand on says of none that it is about it.
    return found[0] if len(found) == 1 else None


def own_alarms(service: Service, stage: str) -> frozenset[str]:
    """Return the names of all alarms of a service's objectives."""
    ends = (*alarmed.TELLING, *alarms.SILENT)
    return frozenset(alarms.name(stage, one.id, end) for end in ends for one in service.objectives)


def names(service: Service) -> frozenset[str]:
    """Return the names by which calls know what a service is made of."""
    found = set()
    for target in service.targets:
        for key, given in target.given.items():
            if isinstance(given, str) and (key == kinds.find(target.kind).title or key.startswith("target_group")):
                found.add(touched.name(given))
    return frozenset(found)


def concerns(service: Service, resource: str) -> bool:
    """Whether a service stands on what a finding is about, which names an alias as `function:alias`."""
    return bool(touched.services((resource, resource.rpartition(":")[0]), [service]))
