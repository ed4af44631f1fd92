"""Whatever goes wrong with a sample system pages somebody, as docs/local-account.md says and as soon as it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.services.model import Service
from deploy import example, objectives
from deploy.artefact import ROOT
from local.cloudwatch.simulation import Simulation
from local.cloudwatch.store import Store
from local.iam import intrinsics
from local.systems import SYSTEMS, writing
from local.systems.faults import KINDS, Fault
from local.systems.traffic import MINUTE
from tests.local.systems.test_parts import Ids
from tests.samples import ACCOUNT, REGION

# 2026-11-18, a Wednesday, 15:00 UTC; the quietest hour is on the Sunday after it.
BUSY = 1_795_014_000
QUIET = BUSY + 4 * 86_400 - 12 * 3600
HOURS = 6
IDS = Ids(example.IDS)
SERVICES = {one.name: one for one in example.services()}
# After how many minutes at most somebody is paged, and by which alarm.
PAGES: Mapping[str, tuple[int, str]] = {
    "500s": (4, "availability-page"),
    "latency": (15, "latency-page"),
    "db-connections": (4, "availability-page"),
    "targets-down": (2, "availability-page"),
    "traffic-stops": (11, "availability-absent"),
    "bad-deploy": (9, "availability-page"),
}
# Where all begins with a function nothing is begun while it is throttled: that nothing comes is all that there is.
SILENT = {("intake", "targets-down"): PAGES["traffic-stops"]}
CASES = [
    (name, kind, at)
    for name, system in SYSTEMS.items()
    for kind, what in KINDS.items()
    if system.database or not what.connections
    for at in ((BUSY, QUIET) if name == "intake" else (BUSY,))
]


def alarms(service: Service) -> list[dict[str, Any]]:
    """What the service's objectives are watched by, without what asks whether Parapet itself is well."""
    found = []
    for place, template in objectives.templates([service], "local", REGION, {}).items():
        known = {"AWS::Partition": "aws", "AWS::Region": place.region, "AWS::AccountId": ACCOUNT}
        for one in template["Resources"].values():
            given = intrinsics.resolve(one["Properties"], known)
            if "AlarmName" in given and not given["AlarmName"].endswith("-unheard"):
                kept = set(given) - {"Tags", "AlarmActions", "OKActions", "ActionConfiguration", "AlarmTagsPropagation"}
                found.append({name: given[name] for name in kept})
    return found


def told(name: str, faults: tuple[Fault, ...], start: int, minutes: int) -> dict[str, int]:
    """What tells people of a service's objectives within some minutes, and in which minute it first does."""
    watching, store = alarms(SERVICES[name]), Store()
    watched = {
        query["MetricStat"]["Metric"]["MetricName"]
        for one in watching
        for query in one.get("Metrics", ())
        if "MetricStat" in query
    }
    whole = SYSTEMS[name]
    system = replace(whole, series=tuple(one for one in whole.series if one.name in watched))
    list(writing.coarse(lambda _: store, system, IDS, (), start - HOURS * 3600, start))
    simulation, found = Simulation(watching, store), dict[str, int]()
    for number in range(minutes):
        writing.minute(lambda _: store, system, IDS, faults, start + number * MINUTE)
        for change in simulation.step(start + (number + 1) * MINUTE):
            end = change.name.removeprefix(f"parapet-local-{name}-")
            if change.after.value == "ALARM" and end.endswith(("-page", "-ticket", "-absent")):
                found.setdefault(end, number + 1)
    return found


@pytest.mark.parametrize(("name", "kind", "start"), CASES)
def test_whatever_goes_wrong_pages_in_time(name: str, kind: str, start: int) -> None:
    most, alarm = SILENT.get((name, kind), PAGES[kind])
    found = told(name, (Fault(name, kind, start, start + 1800),), start, most)
    assert alarm in found, found


@pytest.mark.parametrize("name", SYSTEMS)
def test_nobody_is_told_anything_while_all_is_well(name: str) -> None:
    assert told(name, (), QUIET, 30) == {}


def test_the_page_about_it_says_when() -> None:
    page = (ROOT / "docs" / "local-account.md").read_text("utf-8")
    for kind, (most, alarm) in PAGES.items():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |")]
        assert f"| {most} min, `{alarm}` |" in row
