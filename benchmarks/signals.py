"""The golden signals and budgets of fifty services: asked for the first time, and again; how often CloudWatch is asked.

Each is a load balancer with a database behind it, and a month of metrics. What answers is the local account's
CloudWatch, in this process: its time is in the numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore import xform_name
from moto import mock_aws

from chalicelib.aws import AccountAws, Clients
from chalicelib.services import golden, kinds, sli
from chalicelib.services.model import Objective, Service, Target
from chalicelib.services.reading import Reader
from chalicelib.services.watch import Cost, Seen, Watch
from local.cloudwatch import api
from local.cloudwatch.store import Metric, Store

Call = tuple[str, str, dict[str, Any]]
Looked = tuple[tuple[Seen, ...], Cost]
ACCOUNT, REGION, SERVICES = "123456789012", "eu-west-1", 50
VIEW = golden.view("3h", charts=False)
DAY, FIVE, MINUTE = 86_400, 300, 60
# How long a load balancer's requests take, in seconds, and how many of a hundred do.
SECONDS, OFTEN = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8), (10.0, 40.0, 30.0, 15.0, 4.0, 1.0)


@dataclass(frozen=True)
class Measured:
    """Seconds of the first look, of its calls alone and of the next look; what was asked at first, and for signals."""

    cold: float
    bare: float
    cached: float
    calls: int
    queries: int
    signals: int
    least: int


def measure() -> Measured:
    """Look twice at fifty services."""
    services = tuple(map(_service, range(SERVICES)))
    with mock_aws(config={"core": {"reset_boto3_session": False}}), api.plugged():
        session = botocore.session.get_session()
        session.set_credentials("testing", "testing")
        asked: list[Call] = []
        hooks: Any = session
        hooks.register("provide-client-params", lambda params, model, **_: asked.append(_call(model, params)))
        connect, now = Clients(session), time.time()
        connect("cloudwatch", REGION)
        for one in services:
            _fill(api.store(ACCOUNT, REGION), one, now)
        watch = Watch(lambda region: AccountAws(connect, ACCOUNT, region or REGION), print)
        cold, (seen, cost) = _timed(lambda: watch.look(services, VIEW, now))
        assert all(one.golden.availability.state == "ok" for one in seen)
        cached, _ = _timed(lambda: watch.look(services, VIEW, now + 5))
        bare = _again(connect, tuple(asked))
        alone = Reader(lambda region: AccountAws(connect, ACCOUNT, region or REGION))
        calls = alone.read((one for each in services for one in golden.wanted(each, VIEW, now)), now).calls
    shown = len({(one.metric, one.period) for service in services for one in golden.wanted(service, VIEW, now)})
    return Measured(cold, bare, cached, cost.calls, cost.queries, calls, math.ceil(shown / 500))


def _call(model: Any, params: dict[str, Any]) -> Call:
    return model.service_model.service_name, xform_name(model.name), params


def _again(connect: Clients, asked: Sequence[Call]) -> float:
    """Return how long the same calls take whoever only makes them, one after the other."""
    started = time.perf_counter()
    for service, operation, params in asked:
        getattr(connect(service, REGION), operation)(**params)
    return time.perf_counter() - started


def _timed(look: Callable[[], Looked]) -> tuple[float, Looked]:
    started = time.perf_counter()
    found = look()
    return time.perf_counter() - started, found


def _service(number: int) -> Service:
    name = f"s{number}"
    database: dict[str, str | int | float | tuple[str, ...] | Mapping[str, str]] = {
        "instance": name,
        "max_connections": 400,
        "memory": 16,
        "storage": 100,
    }
    return Service(
        name,
        Target("alb", {"load_balancer": f"app/{name}/{number:016x}"}),
        (Target("rds", database),),
        (Objective(name, "availability", "availability"), Objective(name, "latency", "latency", 95.0, under=0.3)),
    )


def _fill(store: Store, service: Service, now: float) -> None:
    start = int(now) // DAY * DAY - 29 * DAY
    old = (int(now) // DAY * DAY - start) // FIVE
    fresh = (int(now) - (start + old * FIVE)) // MINUTE + 1
    entry = kinds.measures(service.entry)
    assert entry.availability is not None
    assert entry.latency is not None
    for of in (*sli.metrics(entry.availability), *(one.metric for _, one in golden.gauges(service))):
        metric = Metric.of(of.namespace, of.name, dict(of.dimensions))
        store.fill(metric, start, FIVE, [40.0] * old)
        store.fill(metric, start + old * FIVE, MINUTE, [8.0] * fresh)
    of = entry.latency.metric
    metric = Metric.of(of.namespace, of.name, dict(of.dimensions))
    store.fill_spread(metric, start, FIVE, SECONDS, OFTEN * old)
    store.fill_spread(metric, start + old * FIVE, MINUTE, SECONDS, OFTEN * fresh)
