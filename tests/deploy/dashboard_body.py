"""CloudWatch's *Dashboard Body Structure and Syntax*, as far as we use it, as a judge: what is not documented is wrong.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from local.cloudwatch.expressions import names, parse

Check = Callable[[Any], bool]
Found = Iterator[str]
MOST_WIDGETS, MOST_METRICS, MOST_IN_WIDGET, MOST_ALARMS, MOST_DIMENSIONS, LONGEST = 500, 2500, 500, 100, 30, 4096
RELATIVE = r"-P(?=.)(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?"
STATS = r"Sum|Average|Minimum|Maximum|SampleCount|IQM|(p|tm|tc|ts|wm)\d+(\.\d+)?|(PR|TC|TM|TS|WM)\([\d.%]*:[\d.%]*\)"


def text(pattern: str = r"[\s\S]+") -> Check:
    """A text that is as it must be."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def whole(least: int, most: int | None = None) -> Check:
    """A whole number in a range; true and false are none."""
    return lambda value: type(value) is int and value >= least and (most is None or value <= most)


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def number(value: Any) -> bool:
    """A number."""
    return type(value) in (int, float)


def period(value: Any) -> bool:
    """How long a period can be."""
    return whole(1)(value) and (value in (1, 5, 10, 20, 30) or value % 60 == 0)


def anything(_value: Any) -> bool:
    """What is judged on its own."""
    return True


COLOUR, REGION, ACCOUNT = text("#[0-9a-f]{6}"), text(r"[a-z]{2}(-[a-z]+)+-\d"), text(r"\d{12}")
SIDE = text("left|right")
ARN = text(r"arn:aws[a-z-]*:cloudwatch:[a-z]{2}(-[a-z]+)+-\d:\d{12}:alarm:.{1,255}")
TOP: Mapping[str, Check] = {
    "start": text(RELATIVE), "end": text(), "periodOverride": text("auto|inherit"),
    "widgets": lambda value: isinstance(value, list) and len(value) <= MOST_WIDGETS,
}  # fmt: skip
WIDGET: Mapping[str, Check] = {
    "type": text("metric|text|alarm"), "x": whole(0, 23), "y": whole(0), "width": whole(1, 24),
    "height": whole(1, 1000), "properties": lambda value: isinstance(value, dict),
}  # fmt: skip
TEXT: Mapping[str, Check] = {
    "markdown": lambda value: text()(value) and len(value) <= LONGEST, "background": text("solid|transparent"),
}  # fmt: skip
ALARM: Mapping[str, Check] = {
    "title": text(), "sortBy": text("default|stateUpdatedTimestamp|timestamp"),
    "alarms": lambda value: isinstance(value, list) and 1 <= len(value) <= MOST_ALARMS and all(map(ARN, value)),
    "states": lambda value: set(value) <= {"ALARM", "OK", "INSUFFICIENT_DATA"},
}  # fmt: skip
METRIC: Mapping[str, Check] = {
    "metrics": lambda value: isinstance(value, list) and 1 <= len(value) <= MOST_IN_WIDGET,
    "region": REGION, "accountId": ACCOUNT, "title": text(), "period": period, "stat": text(STATS),
    "view": text("timeSeries|singleValue|gauge|bar|pie|table"), "stacked": flag, "sparkline": flag, "liveData": flag,
    "setPeriodToTimeRange": flag, "singleValueFullPrecision": flag, "timezone": text(r"[+-]\d{4}"),
    "start": text(RELATIVE), "end": text(), "legend": lambda value: set(value) == {"position"},
    "yAxis": anything, "annotations": anything,
}  # fmt: skip
LINE: Mapping[str, Check] = {
    "id": text("[a-z][A-Za-z0-9_]{0,254}"), "label": text(), "visible": flag, "yAxis": SIDE, "color": COLOUR,
    "period": period, "region": REGION, "accountId": ACCOUNT,
}  # fmt: skip
SERIES: Mapping[str, Check] = {**LINE, "stat": text(STATS)}
EXPRESSION: Mapping[str, Check] = {**LINE, "expression": text(r"[\s\S]{1,2048}")}
AXIS: Mapping[str, Check] = {"label": text(), "min": number, "max": number, "showUnits": flag}
BOUND: Mapping[str, Check] = {
    "value": number, "label": text(), "color": COLOUR, "fill": text("above|below|none"), "visible": flag, "yAxis": SIDE,
}  # fmt: skip


def wrong(body: Any) -> list[str]:
    """Everything that is wrong about a dashboard's body, each with where it is."""
    found = [*_object("the body", body, TOP, {"widgets"})]
    if found:
        return found
    for number_, one in enumerate(body["widgets"]):
        where = f"/widgets/{number_}"
        if not (bad := [*_object(where, one, WIDGET, {"type", "x", "y", "width", "height", "properties"})]):
            bad = [*KINDS[one["type"]](f"{where}/properties", one["properties"])]
        found += bad
    if not found:
        found += [*_placed(body["widgets"])]
        many = sum(len(row) > 1 for one in body["widgets"] for row in one["properties"].get("metrics", ()))
        found += [f"the body has {many} metrics"] if many > MOST_METRICS else []
    return found


def _object(where: str, value: Any, known: Mapping[str, Check], needed: set[str]) -> Found:
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    yield from (f"{where} lacks {key}" for key in sorted(needed - set(value)))
    for key, own in value.items():
        if key not in known:
            yield f"{where}/{key} is not documented"
        elif not known[key](own):
            yield f"{where}/{key} cannot be {str(own)[:80]!r}"


def _text(where: str, value: Any) -> Found:
    yield from _object(where, value, TEXT, {"markdown"})


def _alarm(where: str, value: Any) -> Found:
    yield from _object(where, value, ALARM, {"alarms"})


def _metric(where: str, value: Any) -> Found:
    if bad := [*_object(where, value, METRIC, {"metrics", "region"})]:
        yield from bad
        return
    for side, axis in value.get("yAxis", {}).items():
        yield from [] if SIDE(side) else [f"{where}/yAxis/{side} is not documented"]
        yield from _object(f"{where}/yAxis/{side}", axis, AXIS, set())
    for kind, some in value.get("annotations", {}).items():
        yield from [] if kind == "horizontal" else [f"{where}/annotations/{kind} is not known to this judge"]
        for one in some:
            yield from _object(f"{where}/annotations/{kind}", one, BOUND, {"value"})
    ids: list[str] = []
    told: dict[str, list[str]] = {}
    shown, before = 0, list[Any]()
    for number_, row in enumerate(value["metrics"]):
        at = f"{where}/metrics/{number_}"
        if not isinstance(row, list) or not row:
            yield f"{at} is no array"
            continue
        own = row[-1] if isinstance(row[-1], dict) else {}
        named = row[:-1] if isinstance(row[-1], dict) else row
        yield from _object(at, own, SERIES if named else EXPRESSION, set() if named else {"expression"})
        if named:
            before = yield from _named(at, named, before)
        elif isinstance(text_ := own.get("expression"), str):
            told[at] = names(parse(text_))
        ids += [own["id"]] if "id" in own else []
        shown += own.get("visible", True)
    yield from (f"{where} has the id {id_} twice" for id_ in sorted({one for one in ids if ids.count(one) > 1}))
    for at, used in told.items():
        yield from (f"{at} speaks of {id_}, which there is not" for id_ in used if id_ not in ids)
    if not shown:
        yield f"{where} shows nothing"


def _named(where: str, row: list[Any], before: list[Any]) -> Generator[str, None, list[Any]]:
    """Yield what is wrong about a metric's name, and return it written out: `.` is what the row before has there."""
    if row[0] == "...":
        row = [*before[: len(before) - len(row) + 1], *row[1:]]
    row = [before[at] if one == "." and at < len(before) else one for at, one in enumerate(row)]
    if not all(map(text(), row)) or len(row) < 2 or len(row) % 2 or "..." in row or "." in row:
        yield f"{where} is not [namespace, metric, dimension, value …]: {row}"
    elif len(row) > 2 + 2 * MOST_DIMENSIONS or len(set(row[2::2])) < len(row[2::2]):
        yield f"{where} has dimensions twice, or too many"
    return row


def _placed(widgets: list[Any]) -> Found:
    taken: dict[tuple[int, int], int] = {}
    for number_, one in enumerate(widgets):
        if one["x"] + one["width"] > 24:
            yield f"/widgets/{number_} ends at column {one['x'] + one['width']} of 24"
        for x in range(one["x"], one["x"] + one["width"]):
            for y in range(one["y"], one["y"] + one["height"]):
                other = taken.setdefault((x, y), number_)
                if other != number_:
                    yield f"/widgets/{number_} lies over /widgets/{other} at {x}, {y}"


KINDS: Mapping[str, Callable[[str, Any], Found]] = {"metric": _metric, "text": _text, "alarm": _alarm}
