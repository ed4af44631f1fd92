"""CloudWatch's metrics at moto's API: put, read, listed and drawn by this engine instead of moto's.

Callers know the wall clock only. Their times are moved by the clock's shift on the way in, and back on the way out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.backends import get_backend
from moto.cloudwatch.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    ResourceNotFoundException,
    ValidationError,
)
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model

from local import pages
from local.cloudwatch import data, putting, widget
from local.cloudwatch.clock import Clock, seconds
from local.cloudwatch.data import Line
from local.cloudwatch.evaluation import Axis
from local.cloudwatch.refused import Refused
from local.cloudwatch.statistics import SIMPLE
from local.cloudwatch.store import LISTED, Metric, Store
from local.restored import restored

DATAPOINTS, STATISTICS, LISTING = 100_800, 1440, 500
ORDERS = ("TimestampDescending", "TimestampAscending")
RECENT = 3 * 3600
DROPPED = "One or more data-points have been dropped due to non-numeric values (NaN, -Infinite, +Infinite)"

clock = Clock()


def store(account: str, region: str) -> Store:
    """Return the metrics of an account in a region: where generators put theirs."""
    return store_of(get_backend("cloudwatch")[account][region])


def store_of(backend: CloudWatchBackend) -> Store:
    """Return the metrics that belong to one of moto's backends; a reset of it forgets them."""
    found: Store = vars(backend).setdefault("store", Store(backend.account_id, backend.region_name))
    return found


def plug_in(to: Clock) -> None:
    """Have moto answer all that is about metrics from here, by a clock."""
    global clock
    clock = to
    CloudWatchBackend.put_metric_data = _put
    for name in RESPONSES:
        setattr(CloudWatchResponse, name, RESPONSES[name])


@contextmanager
def plugged(to: Clock | None = None) -> Iterator[Clock]:
    """Plug in for a while, and leave moto as it was."""
    global clock
    other, chosen = clock, to or Clock()
    with restored([(CloudWatchBackend, "put_metric_data"), *((CloudWatchResponse, name) for name in RESPONSES)]):
        plug_in(chosen)
        try:
            yield chosen
        finally:
            clock = other


def _put(self: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
    try:
        putting.put(store_of(self), namespace or "", metric_data or [], clock.now(), clock.shift)
    except Refused as refused:
        raise InvalidParameterValue(str(refused)) from None


def put_metric_data(self: CloudWatchResponse) -> ActionResult:
    """Keep what is put; raises InvalidParameterValue for what CloudWatch does not take."""
    if self._get_param("EntityMetricData"):
        raise InvalidParameterValue("the local CloudWatch knows no EntityMetricData")
    self.cloudwatch_backend.put_metric_data(self._get_param("Namespace"), self._get_param("MetricData", []))
    return EmptyResult()


def get_metric_data(self: CloudWatchResponse) -> ActionResult | TYPE_RESPONSE:
    """Return values of metrics and expressions, page by page; raises ValidationError."""
    get, shift = self._get_param, clock.shift
    order, most = get("ScanBy") or ORDERS[0], int(get("MaxDatapoints") or DATAPOINTS)
    with _refusing(ValidationError):
        if order not in ORDERS:
            raise Refused(f"The value {order} for parameter ScanBy is invalid.")
        if not 1 <= most <= DATAPOINTS:
            raise Refused(f"The value {most} for parameter MaxDatapoints must be 1 to {DATAPOINTS}.")
        if get("LabelOptions"):
            raise Refused("the local CloudWatch knows no dynamic labels, and so no LabelOptions")
        start, end = (seconds(get(name)) + shift for name in ("StartTime", "EndTime"))
        kept, queries = store_of(self.cloudwatch_backend), get("MetricDataQueries", [])
        some = data.lines(kept, queries, start, end, clock.now(), shift)
        page, token = _page(some, order == ORDERS[0], _place(get("NextToken")), most, shift)
    answer = {"MetricDataResults": page, "Messages": [], **({"NextToken": token} if token else {})}
    if self.determine_response_protocol(get_service_model("cloudwatch")) != "json":
        return ActionResult(answer)
    # moto would take five times as long: it looks up the shape of each of a hundred thousand points.
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer, default=datetime.timestamp)


def _page(
    some: Sequence[Line], latest_first: bool, place: int, most: int, shift: float
) -> tuple[list[dict[str, Any]], str]:
    """Return the results from a place among all their points on, and where to go on; empty if that was all."""
    found, before = [], 0
    for line in some:
        points = line.points[::-1] if latest_first else line.points
        cut = points[max(place - before, 0) : max(place + most - before, 0)]
        if cut or (not points and place <= before < place + most):
            messages = [{"Code": "ArithmeticError", "Value": DROPPED}] if line.dropped else []
            found.append({
                "Id": line.id, "Label": line.label,
                "Timestamps": [datetime.fromtimestamp(at - shift, UTC) for at, _ in cut],
                "Values": [value for _, value in cut],
                "StatusCode": "Complete" if before + len(points) <= place + most else "PartialData",
                "Messages": messages,
            })  # fmt: skip
        before += len(points)
    return found, pages.token(place + most) if before > place + most else ""


def get_metric_statistics(self: CloudWatchResponse) -> ActionResult:
    """Return statistics of one metric, apart for each unit; raises InvalidParameterCombination, ValidationError."""
    get, shift, now = self._get_param, clock.shift, clock.now()
    simple, extended = list(get("Statistics") or ()), list(get("ExtendedStatistics") or ())
    if bool(simple) == bool(extended):
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics, and not both")
    if unknown := [one for one in simple if one not in SIMPLE] + [one for one in extended if one in SIMPLE]:
        raise InvalidParameterValue(f"The value {', '.join(unknown)} for parameter Statistics is invalid.")
    metric = data.metric_of({name: get(name) for name in ("Namespace", "MetricName", "Dimensions")})
    kept, points = store_of(self.cloudwatch_backend), dict[tuple[str, float], dict[str, Any]]()
    with _refusing(ValidationError):
        period = data.checked_period(get("Period"), metric.name)
        start, end = (seconds(get(name)) + shift for name in ("StartTime", "EndTime"))
        if start >= end:
            raise Refused("The parameter StartTime must be less than the parameter EndTime.")
        axis = Axis(data.rounded(start, now, shift), end, period)
        if len(axis.times) > STATISTICS:
            raise InvalidParameterCombination(
                f"You have requested up to {len(axis.times):,} datapoints, which exceeds the limit of {STATISTICS:,}."
            )
        for unit in (get("Unit"),) if get("Unit") else kept.units(metric):
            for stat in (*simple, *extended):
                for at, value in data.measured(kept, metric, stat, axis, now, unit).points.items():
                    when = {"Timestamp": datetime.fromtimestamp(at - shift, UTC), "Unit": unit}
                    point = points.setdefault((unit, at), when)
                    if stat in simple:
                        point[stat] = value
                    else:
                        point.setdefault("ExtendedStatistics", {})[stat] = value
    return ActionResult({"Label": metric.name, "Datapoints": list(points.values())})


def list_metrics(self: CloudWatchResponse) -> ActionResult:
    """Return the metrics that had data in the last two weeks, or three hours; raises ValidationError."""
    get, now = self._get_param, clock.now()
    recently = get("RecentlyActive")
    with _refusing(ValidationError):
        if recently not in (None, "PT3H"):
            raise Refused(f"The value {recently} for parameter RecentlyActive is invalid: it is PT3H.")
        if get("OwningAccount") not in (None, self.current_account):
            raise Refused(f"the local CloudWatch has only the account {self.current_account}")
        place = _place(get("NextToken"))
    wanted = [(one["Name"], one.get("Value")) for one in get("Dimensions") or ()]
    found = [
        one
        for one in store_of(self.cloudwatch_backend).metrics(now - (RECENT if recently else LISTED))
        if get("Namespace") in (None, one.namespace) and get("MetricName") in (None, one.name) and _has(one, wanted)
    ]
    page, token = pages.page(found, place, LISTING)
    return ActionResult({"Metrics": [_listed(one) for one in page], **({"NextToken": token} if token else {})})


def _has(metric: Metric, wanted: Sequence[tuple[str, str | None]]) -> bool:
    having = dict(metric.dimensions)
    return all(name in having and value in (None, having[name]) for name, value in wanted)


def _listed(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def get_metric_widget_image(self: CloudWatchResponse) -> ActionResult:
    """Draw a widget; raises InvalidParameterValue, ValidationError."""
    try:
        asked = json.loads(self._get_param("MetricWidget"))
    except ValueError:
        raise InvalidParameterValue("MetricWidget is not JSON") from None
    if not isinstance(asked, dict):
        raise InvalidParameterValue("MetricWidget must be a JSON object")
    with _refusing(ValidationError):
        picture = widget.draw(store_of(self.cloudwatch_backend), asked, clock.now(), clock.shift)
    return ActionResult({"MetricWidgetImage": picture})


def describe_alarm_contributors(self: CloudWatchResponse) -> ActionResult:
    """Return the series of an alarm that breach: of one series there are none to be told apart."""
    name = self._get_param("AlarmName")
    alarm = self.cloudwatch_backend.alarms.get(name)
    if alarm is None:
        raise ResourceNotFoundException
    if any((query.expression or "").lstrip().startswith("SELECT") for query in alarm.metric_data_queries):
        raise ValidationError(f"the local CloudWatch does not evaluate Metrics Insights (SELECT), as {name} has it")
    return ActionResult({"AlarmContributors": []})


RESPONSES: Mapping[str, Callable[[Any], ActionResult]] = {
    one.__name__: one
    for one in (
        put_metric_data, get_metric_data, get_metric_statistics, list_metrics, get_metric_widget_image,
        describe_alarm_contributors,
    )
}  # fmt: skip


@contextmanager
def _refusing(as_: type[Exception]) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise as_(str(refused)) from None


def _place(token: str | None) -> int:
    """Return where a NextToken goes on; raises Refused for one that was not given out."""
    if (place := pages.place(token)) is None:
        raise Refused("Request parameter NextToken is invalid")
    return place
