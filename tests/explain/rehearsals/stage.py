"""A sample system with days of traffic, and what goes wrong with it from a time on."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from chalicelib.explain.subject import BEFORE, Desk, Subject
from chalicelib.ledger import touched
from chalicelib.ledger.book import Book
from chalicelib.ledger.model import Change
from chalicelib.model import DAY, Finding
from chalicelib.services.model import Objective, Service, Target
from chalicelib.services.watch import Watch
from chalicelib.slo import alarms
from local.cloudwatch.store import Metric, Store
from local.systems import SYSTEMS, traffic, writing
from local.systems.faults import KINDS, Fault, Kind
from local.systems.model import Series, System
from local.systems.traffic import BLOCK
from tests.explain.rehearsals.account import LEDGER, TABLE, Account, Traces
from tests.samples import ACCOUNT, REGION

MINUTE, STAGE = 60, "test"
# The days in which it happens: a fortnight, from a Monday.
FIRST = 1_795_392_000
IDS = {
    "shop_alb": "app/shop/50dc6c495c0c9188", "shop_tg": "targetgroup/shop-web/943f017f100becff",
    "platform_alb": "app/platform/50dc6c495c0c9189", "platform_tg": "targetgroup/platform-web/943f017f100becf0",
    "shop_nat": "nat-0123456789abcdef0", "shop_cdn": "E2EXAMPLE1", "saas_cdn": "E2EXAMPLE2",
    "intake_machine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:intake", "saas_api": "a1b2c3d4e5",
    "saas_stage": "$default", "saas_pool": f"{REGION}_AbCdEfGhI", "saas_client": "4example23",
    "shop_i1": "i-00000000000000001", "shop_i2": "i-00000000000000002", "shop_i3": "i-00000000000000003",
    "shop_image": "ami-12345678",
}  # fmt: skip
# What databases take is not asked for here.
# What the model of the sample systems makes slower whatever is wrong; here databases have nothing to do with it.
STEADY = frozenset({"ReadLatency", "WriteLatency", "CommitLatency", "SelectLatency"})
CONNECTIONS = {"shop-db": 200, "images-db": 325, "saas-db": 1000}


@dataclass
class Plan:
    """What goes wrong in one draw.

    Args:
        system: with which.
        kind: what that does to its requests; None: nothing is wrong.
        message: what its error lines say since.
        spike: how many times as many come since.
        samples: of series, how many a minute since: by namespace, name and dimensions.
        changes: in the ledger.
        blamed: the node whose calls fail or take long, where that is not the usual one.
        siblings: alarms of other services, by how long after the onset.
        finding: what Parapet put right.
        earlier: from and until how long before the onset the same went wrong already, for another reason.
    """

    system: str
    kind: Kind | None = None
    message: str = ""
    spike: float = 1.0
    samples: list[tuple[str, str, Mapping[str, str], float]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    blamed: str = ""
    siblings: list[tuple[str, float]] = field(default_factory=list)
    finding: Finding | None = None
    earlier: tuple[int, int] | None = None


def settings() -> str:
    """The sample systems as the settings have them."""
    text = (Path(writing.__file__).parent / "services.toml").read_text("utf-8")
    for name, id_ in IDS.items():
        text = text.replace(f'"${name}"', f'"{id_}"')
    return text


@functools.cache
def services() -> tuple[Service, ...]:
    """The sample systems as services, with where they log."""
    return tuple(
        Service(
            one["name"], _target(one["entry"]), tuple(map(_target, one["dependencies"])),
            (Objective(one["name"], "availability", "availability"),),
            logs={"app": (SYSTEMS[one["name"]].log_group,)},
        )
        for one in tomllib.loads(settings())["services"]
    )  # fmt: skip


def service(name: str) -> Service:
    """One of them."""
    return next(one for one in services() if one.name == name)


def _target(raw: Mapping[str, Any]) -> Target:
    given = {key: tuple(one) if isinstance(one, list) else one for key, one in raw.items() if key != "kind"}
    name = given.get("instance", given.get("cluster"))
    if raw["kind"] in ("rds", "aurora") and name in CONNECTIONS:
        given["max_connections"] = CONNECTIONS[name]
    return Target(raw["kind"], given)


def change(
    at: float, action: str, source: str, resources: Sequence[str] = (), actor: str = "bob", kind: str = "call",
    what: str = "", tool: str = "console",
) -> Change:  # fmt: skip
    """A change as the ledger keeps it: what it touches of the services is found as its function finds it."""
    ip = "198.51.100.7" if actor else ""
    return Change(
        f"{action}-{at:.3f}", at, action, source, kind, ACCOUNT, REGION, tuple(resources),
        touched.services(resources, services()), actor, f"arn:aws:iam::{ACCOUNT}:user/{actor}" if actor else "", ip,
        tool if actor else "", what,
    )  # fmt: skip


@contextlib.contextmanager
def kinds(kind: Kind | None) -> Iterator[str]:
    """A kind of fault that only a rehearsal knows, under its name."""
    known = cast("dict[str, Kind]", KINDS)
    known["rehearsed"] = kind or Kind("nothing")
    try:
        yield "rehearsed"
    finally:
        del known["rehearsed"]


def prepared(plan: Plan, onset: int, at: float, now: float, name: str) -> tuple[Desk, Subject]:
    """Let it happen; returns where it is looked up, and what is asked."""
    account = stage(plan, onset, now, name)
    watch = Watch(lambda region: account, print)
    desk = Desk(lambda region: account, STAGE, TABLE, lambda: Book(account, LEDGER), services(), watch)
    return desk, Subject("service", plan.system, at, now, service(plan.system))


def stage(plan: Plan, onset: int, now: float, name: str) -> Account:
    """The account in which it happens."""
    system, end = SYSTEMS[plan.system], int(now // MINUTE * MINUTE)
    faults = [Fault(system.name, name, onset, end + MINUTE)] if plan.kind else []
    faults += [Fault(system.name, name, *(onset - ago for ago in plan.earlier))] if plan.earlier else []
    crowded = replace(system, traffic=replace(system.traffic, peak=system.traffic.peak * plan.spike))
    slower = plan.kind.slower if plan.kind else 1.0
    # What is not to blame takes as long as ever, which is less of what all takes.
    nodes = tuple(
        replace(one, share=one.share / slower) if one.inferred and one.name != plan.blamed else one
        for one in system.nodes
    )
    failing, database = plan.blamed or system.failing, plan.blamed or system.database
    blamed = replace(crowded, nodes=nodes, failing=failing, database=database)
    store, start = Store(ACCOUNT, REGION), onset - int(BEFORE) - 3600
    # Of every second draw the days before are kept by five minutes only.
    coarse = onset // MINUTE % 2 == 1
    for ago in (int(DAY), int(7 * DAY)) if coarse else ():
        begin, until = ((at - ago) // BLOCK * BLOCK for at in (start, end))
        list(writing.coarse(lambda region: store, system, IDS, (), begin, until))
    for ago in (0,) if coarse else (0, int(DAY), int(7 * DAY)):
        for one, begin, until in ((system, start, onset), (crowded, onset, end)):
            here = one if not ago else system
            usual = replace(here, series=tuple(one for one in here.series if _steady(plan, one)))
            other = replace(here, series=tuple(one for one in here.series if not _steady(plan, one)))
            writing.fine(lambda region: store, other, IDS, faults if not ago else (), begin - ago, until - ago)
            writing.fine(lambda region: store, usual, IDS, (), begin - ago, until - ago)
    for at in range(onset, end, MINUTE):
        for namespace, metric, dimensions, many in plan.samples:
            store.put(Metric.of(namespace, metric, dimensions), at, [many], unit="Count")
    account = Account(
        store, Traces(system, blamed, faults, onset), now,
        {system.log_group: list(_lines(plan, crowded, onset, end, faults))},
        [(onset + after, _alarm(other), "ALARM") for other, after in plan.siblings],
    )  # fmt: skip
    account.change(plan.changes)
    if plan.finding:
        account.find(plan.finding)
    return account


def _steady(plan: Plan, series: Series) -> bool:
    """Whether a series has nothing to do with it: requests over HTTP make no dead letters."""
    return series.name in STEADY or (plan.system != "intake" and series.dimensions[0][1].endswith("-dead"))


def _alarm(other: str) -> str:
    return alarms.name(STAGE, f"{other}-availability", "page")


def _lines(plan: Plan, system: System, onset: int, end: int, faults: Sequence[Fault]) -> Iterator[tuple[float, str]]:
    """Some of the error lines of each minute."""
    for at in range(onset - 1800, end, MINUTE):
        happened = traffic.flow(system.name, system.traffic, at, 1, faults)
        usual = happened.fault == ""
        for number in range(min(happened.failed, 8)):
            message = system.wrong[number % (len(system.wrong) - 1)] if usual or not plan.message else plan.message
            yield at + number * 7.0, json.dumps({"level": "ERROR", "message": message, "request": f"{at}-{number}"})


def busy(name: str, at: int) -> bool:
    """Whether anybody comes: where nobody does, nothing is seen to go wrong."""
    return traffic.flow(name, SYSTEMS[name].traffic, at, 1).offered >= 5


def moment(draw: random.Random) -> tuple[int, float, float]:
    """An onset, the moment somebody asks about, and when: minutes after, at any hour of any day."""
    onset = FIRST + draw.randrange(7 * 1440, 14 * 1440) * MINUTE
    at = onset + draw.randrange(2, 10) * MINUTE + draw.random() * 60
    return onset, at, at + draw.uniform(60, 300)
