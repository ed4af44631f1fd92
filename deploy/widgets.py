"""Widgets of CloudWatch's dashboards, as the Dashboard Body Structure describes them, and how they are laid out; pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeVar

from chalicelib.model import ParapetError
from chalicelib.services import sli
from chalicelib.services.model import Metric, Sli

Widget = dict[str, Any]
Axis = Literal["left", "right"]
One = TypeVar("One")
# What CloudWatch takes in one dashboard; metrics that only expressions use count, too.
COLUMNS, MOST_WIDGETS, MOST_METRICS, MOST_IN_WIDGET, MOST_ALARMS = 24, 500, 2500, 500, 100
PERIOD = 300
RED, ORANGE, GREY = "#d13212", "#ff7f0e", "#7f7f7f"


def known(name: str) -> str:
    """Return what CloudFormation fills in for one of its parameters: no setting has these two characters."""
    return f"\x02{name}\x03"


STAGE, REGION, ACCOUNT, PARTITION = map(known, ("Stage", "AWS::Region", "AWS::AccountId", "AWS::Partition"))


@dataclass(frozen=True, slots=True)
class Row:
    """Widgets of one height side by side, so many beside each other; a further line begins where there are more."""

    widgets: tuple[Widget, ...]
    height: int = 6
    beside: int = 3


class Graph:
    """One graph: its series, each with an id of its own, its lines, and the bounds drawn across it."""

    def __init__(self, title: str, left: str, right: str = "", *, period: int = PERIOD, start: str = "") -> None:
        """Begin without any series.

        Args:
            title: of the widget.
            left: what the left axis is in.
            right: what the right one is in.
            period: of series that say no other, in seconds.
            start: how far back it looks, such as -P7D; as the dashboard does without it.
        """
        self._title, self._period, self._start = title, period, start
        self._axes: dict[str, dict[str, Any]] = {
            side: {"label": label, "showUnits": False, "min": 0} for side, label in (("left", left), ("right", right))
        }
        self._rows: list[tuple[list[str], dict[str, Any]]] = []
        self._ids: dict[tuple[Metric, int], str] = {}
        self._bounds: list[dict[str, Any]] = []
        self._places: list[tuple[str, str]] = []
        self._lines = 0

    @property
    def empty(self) -> bool:
        """Whether it would show nothing."""
        return not self._lines

    def series(self, metric: Metric, period: int = 0) -> str:
        """Return the id of a metric over a period, which is not shown itself; raises ParapetError."""
        key = metric, period or self._period
        if key not in self._ids:
            if found := {".", "..."} & {metric.namespace, metric.name, *chain.from_iterable(metric.dimensions)}:
                raise ParapetError(f"a dashboard takes {found.pop()!r} for what stands before it, not for a name")
            self._ids[key] = f"m{len(self._ids) + 1}"
            own = {"id": self._ids[key], "stat": metric.stat, "visible": False}
            named = [metric.namespace, metric.name, *chain.from_iterable(metric.dimensions)]
            self._rows.append((named, own | ({"period": period} if key[1] != self._period else {})))
            self._places.append((metric.region or REGION, metric.account))
        return self._ids[key]

    def expression(self, text: str, period: int = 0) -> str:
        """Return the id of an expression that is not shown itself."""
        id_ = f"e{sum('expression' in how for _, how in self._rows) + 1}"
        own = {"id": id_, "expression": text, "visible": False}
        self._rows.append(([], own | ({"period": period} if period and period != self._period else {})))
        return id_

    def line(self, id_: str, label: str, axis: Axis = "left", colour: str = "") -> None:
        """Show a series or an expression under a name; what is shown already stays as it is."""
        how = next(how for _, how in self._rows if how["id"] == id_)
        if "visible" in how:
            del how["visible"]
            how |= {"label": label, "yAxis": axis} | ({"color": colour} if colour else {})
            self._lines += 1

    def counted(self, indicator: Sli, period: int = 0) -> tuple[str, str]:
        """Return the ids of what an indicator counts in each period: the bad ones, and all."""
        expressed = sli.expressed(indicator)
        ids = {id_: self.series(metric, period) for id_, metric in expressed.metrics.items()}

        def renamed(text: str) -> str:
            return re.sub(r"\b[a-z]\w*", lambda found: ids[found[0]], text)

        return self.expression(renamed(expressed.bad), period), self.expression(renamed(expressed.total), period)

    def bound(self, value: float, label: str, axis: Axis = "left", colour: str = RED) -> None:
        """Draw a line across."""
        self._bounds.append({"value": value, "label": label, "color": colour, "yAxis": axis})

    def most(self, value: float, axis: Axis = "left") -> None:
        """Say where an axis ends."""
        self._axes[axis]["max"] = value

    def floating(self, axis: Axis = "left") -> None:
        """Let CloudWatch decide where an axis begins, which is at 0 otherwise."""
        self._axes[axis].pop("min", None)

    def widget(self) -> Widget:
        """Return it as a widget, which is where its first series is."""
        region, account = self._places[0]
        places = iter(self._places)
        used = {how.get("yAxis") for _, how in self._rows} | {one["yAxis"] for one in self._bounds}
        properties = {
            "title": self._title,
            "view": "timeSeries",
            "region": region,
            **({"accountId": account} if account else {}),
            "period": self._period,
            **({"start": self._start} if self._start else {}),
            "metrics": [
                [*named, how | (_elsewhere(next(places), (region, account)) if named else {})]
                for named, how in self._rows
            ],
            "yAxis": {side: axis for side, axis in self._axes.items() if side in used},
            **({"annotations": {"horizontal": self._bounds}} if self._bounds else {}),
        }
        return {"type": "metric", "properties": properties}


def _elsewhere(place: tuple[str, str], widget: tuple[str, str]) -> dict[str, str]:
    """Return what a metric says that is not where its widget is."""
    (region, account), (here, ours) = place, widget
    return ({"region": region} if region != here else {}) | (
        {"accountId": account or ACCOUNT} if account != ours else {}
    )


def text(markdown: str) -> Widget:
    """Return a widget of words."""
    return {"type": "text", "properties": {"markdown": markdown, "background": "transparent"}}


def alarms(title: str, arns: Sequence[str]) -> Iterator[Widget]:
    """Yield what shows the states of alarms, those that sound first; several where one does not hold them all."""
    for some in _batched(arns, MOST_ALARMS):
        properties = {"title": title, "alarms": list(some), "sortBy": "stateUpdatedTimestamp"}
        yield {"type": "alarm", "properties": properties}


def alarm_arn(name: str, region: str) -> str:
    """Return the ARN of an alarm of ours."""
    return f"arn:{PARTITION}:cloudwatch:{region or REGION}:{ACCOUNT}:alarm:{name}"


def link(words: str, dashboard: str) -> str:
    """Return a link to another dashboard."""
    return f"[{words}](#dashboards:name={dashboard})"


def body(rows: Iterable[Row], start: str = "-PT3H") -> dict[str, Any]:
    """Return a dashboard's body; raises ParapetError for more than CloudWatch takes."""
    placed: list[Widget] = []
    y = 0
    for row in rows:
        width = COLUMNS // row.beside
        for some in _batched(row.widgets, row.beside):
            for number, widget in enumerate(some):
                placed.append({"x": number * width, "y": y, "width": width, "height": row.height, **widget})
            y += row.height
    if not fits(placed):
        raise ParapetError(
            f"a dashboard takes {MOST_WIDGETS} widgets and {MOST_METRICS:,} metrics, {MOST_IN_WIDGET} in one widget, "
            f"and would have {len(placed)} and {metrics(placed):,}: name fewer dependencies"
        )
    return {"start": start, "periodOverride": "inherit", "widgets": placed}


def fits(widgets: Sequence[Widget]) -> bool:
    """Return whether a dashboard takes so many widgets and metrics."""
    each = all(metrics([one]) <= MOST_IN_WIDGET for one in widgets)
    return each and len(widgets) <= MOST_WIDGETS and metrics(widgets) <= MOST_METRICS


def metrics(widgets: Iterable[Mapping[str, Any]]) -> int:
    """Return how many metrics some widgets read."""
    return sum(len(row) > 1 for one in widgets for row in one["properties"].get("metrics", ()))


def rendered(value: Any, indent: str | None = None) -> str:
    """Return a body as `Fn::Sub` takes it; with an indent for people, what fits stands in one line."""
    found = _substitutable(value)
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False) if indent is None else _lines(found, indent)


def _substitutable(value: Any) -> Any:
    """Return a value in which CloudFormation fills in what we mean it to, and takes nothing of a setting's for that."""
    if isinstance(value, dict):
        return {key: _substitutable(one) for key, one in value.items()}
    if isinstance(value, str):
        return value.replace("${", "${!").replace("\x02", "${").replace("\x03", "}")
    return [_substitutable(one) for one in value] if isinstance(value, list) else value


def _batched(items: Sequence[One], many: int) -> Iterator[Sequence[One]]:
    return (items[at : at + many] for at in range(0, len(items), many))


def _lines(value: Any, indent: str, before: str = "") -> str:
    whole = json.dumps(value, ensure_ascii=False)
    if len(before) + len(whole) <= 150 or not isinstance(value, dict | list):
        return whole
    deeper = before + indent
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_lines(one, indent, deeper)}" for key, one in value.items()]
    else:
        parts = [_lines(one, indent, deeper) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{before}{closing}"
