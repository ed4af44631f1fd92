"""The 500 killer as dashboards of CloudWatch's: one for all services, and one for each; pure.

What the page shows, where people look already: how many requests are good, how long they take, how full it is. They
read what the alarms read (`services.sli`), so that they cannot disagree. A picture knows no states: where nothing came,
or nothing was told, there is a gap, never 100 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chalicelib.model import ParapetError
from chalicelib.services import golden, kinds, sli
from chalicelib.services.limits import GIB
from chalicelib.services.model import (
    Counts,
    Gauge,
    Metric,
    Objective,
    Percent,
    Service,
    Sli,
    Sought,
    Target,
    Unit,
)
from chalicelib.slo import alarms, burn
from deploy import widgets
from deploy.widgets import GREY, ORANGE, RED, STAGE, Graph, Row, Widget

Body = dict[str, Any]
NAME = "500-killer"
# Rates of a minute can be averaged only as they are published; everything else is told in five minutes.
FINE = 60
UNITS: Mapping[float, str] = {1.0: "seconds", 1e3: "milliseconds", 1e6: "microseconds"}
ENDS, AVERAGES = ("page", "ticket"), ("Average", "Maximum")
MADE = "*Derived from `parapet.toml` by Parapet: what is changed here is lost with its next deployment.*"
COLOURS = {"p50": "#2ca02c", "p95": "#1f77b4", "p99": "#9467bd", "Average": "#1f77b4", "Maximum": "#9467bd"}


def bodies(services: Sequence[Service], *, each: bool, page: str = "") -> dict[str, Body]:
    """Return the dashboards by their names behind the stage; raises ParapetError for what CloudWatch does not take.

    Args:
        services: of the settings.
        each: whether there is one for each service beside the one for all.
        page: the address of Parapet's own page, where people are told one.
    """
    found: dict[str, Body] = {}
    for number, some in enumerate(_parted(services, each), 1):
        names = ", ".join(one.name for one in some)
        with _about(names):
            found[NAME if number == 1 else f"{NAME}-{number}"] = _overview(some, each, page)
    for service in services if each else ():
        with _about(service.name):
            found[service.name] = _detail(service, page)
    return found


def named(name: str) -> str:
    """Return what a dashboard is called: the stage is part of all, as dashboards are the account's in all regions."""
    return f"parapet-{STAGE}-{name}"


@contextmanager
def _about(names: str) -> Iterator[None]:
    try:
        yield
    except ParapetError as error:
        raise ParapetError(f"the dashboard of {names}: {error}") from None


# For all services


def _parted(services: Sequence[Service], each: bool) -> Iterator[tuple[Service, ...]]:
    """Yield the services so that CloudWatch takes those of one dashboard."""
    some, taken = list[Service](), list[Widget]()
    for service in services:
        # What stands above all of them needs some room, too: as much as all their alarms.
        with _about(service.name):
            own = [*_section(service, each), *widgets.alarms("", tuple(_arns(service)))]
        if some and not widgets.fits([*taken, *own, widgets.text("")]):
            yield tuple(some)
            some, taken = [], []
        some.append(service)
        taken += own
    if some:
        yield tuple(some)


def _overview(services: Sequence[Service], each: bool, page: str) -> Body:
    promised = [arn for service in services for arn in _arns(service)]
    above = f"## 500 killer\n{_links(page)}{len(services)} services. {MADE}"
    return widgets.body((
        Row((widgets.text(above),), height=2, beside=1),
        Row(tuple(widgets.alarms("Error budgets that burn", promised)), height=4, beside=1),
        *(row for one in services for row in _rows(_section(one, each))),
    ))  # fmt: skip


def _section(service: Service, each: bool) -> tuple[Widget, ...]:
    return (widgets.text(_heading(service, each)), *_signals(service), _saturation(service))


def _rows(section: tuple[Widget, ...]) -> tuple[Row, ...]:
    return (Row(section[:1], height=1, beside=1), Row(section[1:]))


def _heading(service: Service, each: bool) -> str:
    promised = ", ".join(_said(one) for one in service.objectives)
    parts = [
        f"**{widgets.link(service.name, named(service.name)) if each else service.name}**",
        kinds.titled(service.entry),
        *([promised] if promised else ()),
        *([f"[runbook]({service.runbook})"] if service.runbook else ()),
    ]
    return " · ".join(parts)


def _signals(service: Service) -> tuple[Widget, Widget]:
    return _availability(service.name, service.entry, service.objectives), _latency(
        service.name, service.entry, service.objectives
    )


def _saturation(service: Service) -> Widget:
    """Return how full everything is that a service stands on: the fuller, the higher, whatever is measured."""
    graph = Graph(f"{service.name}: how full", "% of full", "number, of a limit that the settings do not tell")
    for target, gauge in golden.gauges(service):
        full, label = _full(target, gauge), f"{kinds.titled(target)}: {gauge.label}"
        if full is not None:
            share = _share(graph, gauge, full)
            id_ = graph.expression(f"100 - {share}") if gauge.falls else share
            graph.line(id_, f"{label}{_of(gauge, full, lacking=gauge.falls)}")
        elif isinstance(gauge.full, Sought) and gauge.unit == "count":
            graph.line(_value(graph, gauge), label, "right")
    graph.bound(100, "full", colour=GREY)
    return widgets.text(f"**{service.name}**: nothing tells how full it is.") if graph.empty else graph.widget()


# For one service


def _detail(service: Service, page: str) -> Body:
    promised = tuple(_arns(service))
    about = f"## {service.name}\n{_links(page)}{widgets.link('all services', named(NAME))} · {_heading(service, False)}"
    return widgets.body((
        Row((widgets.text(f"{about}\n\n{MADE}"),), height=3, beside=1),
        Row(tuple(widgets.alarms("Error budgets that burn", promised)), height=2, beside=1),
        Row((*_signals(service), _traffic(service.name, service.entry))),
        Row(tuple(_burning(service, one) for one in service.objectives), beside=2),
        *(row for target in service.targets for row in _part(service, target)),
    ))  # fmt: skip


def _part(service: Service, target: Target) -> Iterator[Row]:
    """Yield what is measured of one thing that a service stands on."""
    title, own = kinds.titled(target), kinds.measures(target)
    found = [*_gauges(title, target, own.gauges)]
    if target is not service.entry and own.availability is not None:
        found = [_availability(title, target, ()), *([_latency(title, target, ())] if own.latency else ()), *found]
    if found:
        named = ", ".join(f"{key} `{value}`" for key, value in target.given.items() if isinstance(value, str))
        where = "".join(f" in {one}" for one in (target.region, target.account) if one)
        yield Row((widgets.text(f"### {title}\n{named}{where}"),), height=2, beside=1)
        yield Row(tuple(found))


def _traffic(title: str, target: Target) -> Widget:
    """Return how many requests come, and how many of them were refused: 4xx are no failures, but tell of some."""
    indicator = kinds.measures(target).availability
    if indicator is None:
        return widgets.text(f"**{title}**: nothing counts its requests.")
    period = _period(indicator)
    graph = Graph(f"{title}: requests in {burn.length(period)}", "requests", "refused", period=period)
    graph.line(graph.counted(indicator)[1], "all")
    if refused := _refused(indicator):
        graph.line(graph.counted(refused)[0], "4xx (refused)", "right", ORANGE)
    return graph.widget()


def _burning(service: Service, objective: Objective) -> Widget:
    """Return the burn rates over the long windows, each in steps of its own length, and from where on they wake."""
    indicator = sli.of(objective, kinds.measures(service.entry))
    graph = Graph(f"{objective.id}: burn rate ({_said(objective)})", "times as fast as it may", start="-P7D")
    for speed in burn.SPEEDS:
        bad, total = graph.counted(indicator, speed.long)
        rate = graph.expression(f"{bad} / {total} / {objective.budget:.12g}", speed.long)
        graph.line(rate, f"over {burn.length(speed.long)}")
        factor = speed.factor(objective.days)
        graph.bound(factor, f"{factor:.3g}: {speed.level}", colour=RED if speed.level == "page" else ORANGE)
    return graph.widget()


def _gauges(title: str, target: Target, gauges: Iterable[Gauge]) -> Iterator[Widget]:
    """Yield a widget for what is a share of something, and one for each unit of what is not."""
    groups: dict[Unit | str, list[Gauge]] = {}
    for gauge in gauges:
        groups.setdefault("% of full" if _full(target, gauge) is not None else gauge.unit, []).append(gauge)
    for unit, some in groups.items():
        graph = Graph(f"{title}: {', '.join(one.label for one in some)}", unit)
        for gauge in some:
            full = _full(target, gauge)
            id_ = _value(graph, gauge) if full is None else _share(graph, gauge, full)
            silent = " (no line: nothing measures it, the agent is missing)" if gauge.silent == "agent_missing" else ""
            graph.line(id_, f"{gauge.label}{_of(gauge, full)}{silent}")
            # What is not held against a limit that should be found is red by its share, not by its number.
            if full is not None or not isinstance(gauge.full, Sought):
                red = gauge.red if full is None else 100 * gauge.red
                graph.bound(red, f"{gauge.label}: red {'below' if gauge.falls else 'from'} {red:g}")
        yield graph.widget()


# What both have


def _availability(title: str, target: Target, objectives: Iterable[Objective]) -> Widget:
    """Return how many requests are good, and how many are bad by who made them so."""
    own = kinds.measures(target)
    if own.availability is None:
        return widgets.text(f"**{title}**: nothing counts its requests.")
    graph = Graph(f"{title}: availability", "% good", "bad", period=_period(own.availability))
    bad, total = graph.counted(own.availability)
    # Where nothing came this divides by zero, and CloudWatch draws nothing.
    graph.line(graph.expression(f"(1 - {bad} / {total}) * 100"), "good", colour=COLOURS["p95"])
    graph.floating()
    graph.most(100)
    for part, colour in zip(own.parts, (RED, ORANGE, *[""] * len(own.parts)), strict=False):
        counted = " + ".join(f"FILL({graph.series(one)}, 0)" for one in part.metrics)
        graph.line(graph.expression(counted), f"bad, by {part.name}", "right", colour)
    for one in objectives:
        if one.aspect == "availability":
            graph.bound(one.goal, f"goal {one.goal:g} %")
    return graph.widget()


def _latency(title: str, target: Target, objectives: Iterable[Objective]) -> Widget:
    """Return how long requests take, and within what they should be answered."""
    own = kinds.measures(target)
    if own.latency is None:
        return widgets.text(f"**{title}**: nothing tells how long its requests take.")
    graph = Graph(f"{title}: latency", UNITS[own.latency.per_second])
    for stat in golden.PERCENTILES if own.percentiles else AVERAGES:
        graph.line(graph.series(replace(own.latency.metric, stat=stat)), stat, colour=COLOURS[stat])
    for one in objectives:
        if one.under is not None:
            graph.bound(one.under * own.latency.per_second, f"{one.goal:g} % under {one.under:g} s")
    return graph.widget()


def _said(objective: Objective) -> str:
    under = f" under {objective.under:g} s" if objective.under is not None else ""
    return f"{objective.goal:g} % {objective.aspect}{under} over {objective.days} days"


def _links(page: str) -> str:
    return f"[button:primary:Parapet]({page}) " if page else ""


def _arns(service: Service) -> Iterator[str]:
    for objective in service.objectives:
        for end in (*ENDS, *(["absent"] if objective.absent else [])):
            yield widgets.alarm_arn(alarms.name(STAGE, objective.id, end), service.entry.region)


def _period(indicator: Sli) -> int:
    return FINE if isinstance(indicator, Percent) else widgets.PERIOD


def _refused(indicator: Sli) -> Sli | None:
    """Return the same with 4xx for 5xx, which AWS calls alike; None where there are no such."""

    def sibling(metric: Metric) -> Metric:
        return replace(metric, name=re.sub("5(?=xx|XX)", "4", metric.name))

    if isinstance(indicator, Percent) and sibling(indicator.percent) != indicator.percent:
        return replace(indicator, percent=sibling(indicator.percent))
    if isinstance(indicator, Counts) and all(sibling(one) != one for one in indicator.bad):
        return replace(indicator, bad=tuple(map(sibling, indicator.bad)))
    return None


def _full(target: Target, gauge: Gauge) -> float | Metric | None:
    """Return what is full, as far as the settings know: what AWS would have to be asked, a dashboard cannot show."""
    if not isinstance(gauge.full, Sought):
        return gauge.full
    given = target.given.get(gauge.full.what)
    return given * (GIB if gauge.full.what == "memory" else 1) if isinstance(given, int | float) else None


def _of(gauge: Gauge, full: float | Metric | None, *, lacking: bool = False) -> str:
    """Return what a label says of the limit, and of where it is red: of what there is, or of what it lacks."""
    if full is None:
        return ""
    of = ""
    if isinstance(full, Metric):
        of = f" of {full.name}"
    elif gauge.unit != "percent":
        of = f" of {full / GIB:g} GiB" if gauge.unit == "bytes" else f" of {full:,.12g}"
    red = f"{100 * (1 - gauge.red if lacking else gauge.red):g} %"
    if lacking:
        return f"{of}: what lacks (red above {red})"
    return f"{of} (red {'below' if gauge.falls else 'from'} {red})"


def _value(graph: Graph, gauge: Gauge) -> str:
    """Return the id of a gauge in its own unit."""
    id_ = graph.series(gauge.metric)
    text = f"FILL({id_}, 0)" if gauge.silent == "zero" else id_
    text += f" * {gauge.scale:g}" if gauge.scale != 1 else ""
    text += f" / PERIOD({id_})" if gauge.rate else ""
    return id_ if text == id_ else graph.expression(text)


def _share(graph: Graph, gauge: Gauge, full: float | Metric) -> str:
    """Return the id of a gauge in percent of what is full."""
    id_ = _value(graph, gauge)
    if isinstance(full, Metric):
        return graph.expression(f"100 * {id_} / {graph.series(full)}")
    return id_ if gauge.unit == "percent" and full == 100 else graph.expression(f"100 * {id_} / {full:.12g}")
