"""Series are read in as few calls as it takes, and what is closed only once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.model import AwsError
from chalicelib.services.model import Metric
from chalicelib.services.reading import FRESH, LATE, QUERIES, Reader, Wanted
from tests.samples import ACCOUNT, REGION

NOW = datetime(2026, 11, 21, 12, 34, 20, tzinfo=UTC).timestamp()
REQUESTS = Metric("AWS/ApplicationELB", "RequestCount", (("LoadBalancer", "app/shop/50dc6c495c0c9188"),))
ERRORS = replace(REQUESTS, name="HTTPCode_Target_5XX_Count")


@dataclass
class CloudWatch:
    """Answers GetMetricData from `value(metric name, when)`, and keeps what was asked."""

    region: str = REGION
    account: str = ACCOUNT
    asked: list[dict[str, Any]] = field(default_factory=list)
    offset: float = 0.0
    silent: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    error: AwsError | None = None

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        raise AssertionError(f"{service} {operation}: only pages are asked for")

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        assert (service, operation, key) == ("cloudwatch", "get_metric_data", "MetricDataResults")
        self.asked.append(params)
        if self.error:
            raise self.error
        assert len(params["MetricDataQueries"]) <= QUERIES
        return [self._result(query, params) for query in params["MetricDataQueries"]]

    def _result(self, query: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        stat = query["MetricStat"]
        name, period = stat["Metric"]["MetricName"], stat["Period"]
        start, end = int(params["StartTime"].timestamp()), int(params["EndTime"].timestamp())
        assert start % period == 0, "CloudWatch would round it"
        if name in self.forbidden:
            said = [{"Code": "Forbidden", "Value": "not shared"}]
            return {"Id": query["Id"], "StatusCode": "Forbidden", "Messages": said, "Timestamps": [], "Values": []}
        times = [] if name in self.silent else list(range(start, end, period))
        return {
            "Id": query["Id"],
            "StatusCode": "Complete",
            "Timestamps": [datetime.fromtimestamp(at, UTC) for at in times],
            "Values": [at / 60 % 1000 + self.offset for at in times],
        }


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


@pytest.fixture
def reader(cloudwatch: CloudWatch) -> Reader:
    return Reader(lambda region: cloudwatch)


def minutes(metric: Metric = REQUESTS, back: float = 3 * 3600.0, period: int = 60) -> Wanted:
    return Wanted(metric, period, NOW - back)


def test_a_series_has_its_points_by_when_a_period_begins(reader: Reader) -> None:
    reading = reader.read([minutes()], NOW)
    points = reading.of(REQUESTS, 60)
    assert (min(points), max(points)) == (NOW // 60 * 60 - 10800, NOW // 60 * 60), "the minute that runs counts too"
    assert points[int(NOW // 60 * 60)] == NOW // 60 % 1000
    assert reading.of(REQUESTS, 300) == {}
    assert (reading.calls, reading.queries) == (1, 1)


def test_fifty_services_are_one_call_and_one_more_is_another(cloudwatch: CloudWatch, reader: Reader) -> None:
    many = [replace(REQUESTS, name=f"m{number}") for number in range(QUERIES)]
    assert reader.read(map(minutes, many), NOW).calls == 1
    assert reader.read(map(minutes, [replace(one, stat="p95") for one in (*many, REQUESTS)]), NOW).calls == 2
    assert [len(one["MetricDataQueries"]) for one in cloudwatch.asked] == [500, 500, 1]


def test_no_call_asks_for_more_points_than_it_may(cloudwatch: CloudWatch, reader: Reader) -> None:
    month = [minutes(replace(REQUESTS, name=f"m{number}"), 30 * 86400.0, 3600) for number in range(300)]
    assert reader.read(month, NOW).calls == 3
    assert all(len(one["MetricDataQueries"]) * 722 <= 100_800 for one in cloudwatch.asked)


def test_what_is_asked_again_at_once_is_not_read_again(cloudwatch: CloudWatch, reader: Reader) -> None:
    first = reader.read([minutes()], NOW)
    again = reader.read([minutes()], NOW + FRESH / 2)
    assert (again.calls, again.points) == (0, first.points)


def test_what_is_closed_is_read_once(cloudwatch: CloudWatch, reader: Reader) -> None:
    wanted = [minutes(), minutes(back=30 * 86400.0, period=3600), minutes(ERRORS, 86400.0, 300)]
    assert reader.read(wanted, NOW).calls == 3, "one for each window"
    cloudwatch.offset = 0.5
    later = NOW + 1800
    again = reader.read([replace(one, start=one.start + 1800) for one in wanted], later)
    assert again.calls == 1
    assert cloudwatch.asked[-1]["StartTime"].timestamp() >= NOW - LATE - 3600
    points = again.of(REQUESTS, 60)
    assert (min(points), max(points)) == (later // 60 * 60 - 10800, later // 60 * 60)
    fixed, changed = (points[int(at // 60 * 60)] for at in (NOW - 7200, NOW - LATE))
    assert (fixed % 1, changed % 1) == (0, 0.5), "what may yet change is read again"


def test_a_longer_time_than_before_is_read_whole(cloudwatch: CloudWatch, reader: Reader) -> None:
    reader.read([minutes(back=3600.0)], NOW)
    assert len(reader.read([minutes(back=7200.0)], NOW + 1).of(REQUESTS, 60)) == 121
    assert len(reader.read([minutes(back=3600.0)], NOW + 2).of(REQUESTS, 60)) == 61
    assert len(cloudwatch.asked) == 2


def test_a_point_that_is_gone_is_gone(cloudwatch: CloudWatch, reader: Reader) -> None:
    reader.read([minutes()], NOW)
    cloudwatch.silent = frozenset({"RequestCount"})
    assert max(reader.read([minutes()], NOW + 60).of(REQUESTS, 60)) < NOW - LATE


def test_each_region_is_asked_by_itself() -> None:
    regions = {name: CloudWatch(region=name) for name in ("", "us-east-1")}
    reader = Reader(regions.__getitem__)
    abroad = replace(REQUESTS, region="us-east-1")
    reading = reader.read([minutes(), minutes(abroad)], NOW)
    assert [len(one.asked) for one in regions.values()] == [1, 1]
    assert reading.of(abroad, 60)


def test_who_may_not_read_is_told_so_and_the_rest_is_read(cloudwatch: CloudWatch) -> None:
    refusal = AwsError("cloudwatch:GetMetricData", "AccessDenied", "no identity-based policy allows it")
    regions = {"": cloudwatch, "us-east-1": CloudWatch(error=refusal)}
    abroad = replace(REQUESTS, region="us-east-1")
    reading = Reader(regions.__getitem__).read([minutes(), minutes(abroad)], NOW)
    assert "GetMetricData" in reading.denied[abroad]
    assert reading.of(REQUESTS, 60)
    assert not reading.of(abroad, 60)


def test_an_account_that_shares_nothing_is_denied_by_itself(cloudwatch: CloudWatch, reader: Reader) -> None:
    cloudwatch.forbidden = frozenset({"RequestCount"})
    theirs = replace(REQUESTS, account="210987654321")
    reading = reader.read([minutes(theirs), minutes(ERRORS)], NOW)
    assert cloudwatch.asked[0]["MetricDataQueries"][0]["AccountId"] == "210987654321"
    assert "not shared" in reading.denied[theirs]
    assert reading.of(ERRORS, 60)


def test_another_trouble_is_not_hidden(cloudwatch: CloudWatch, reader: Reader) -> None:
    cloudwatch.error = AwsError("cloudwatch:GetMetricData", "Throttling", "Rate exceeded")
    with pytest.raises(AwsError, match="Throttling"):
        reader.read([minutes()], NOW)


def test_a_long_period_is_asked_for_seldom(cloudwatch: CloudWatch, reader: Reader) -> None:
    wanted = [minutes(), minutes(back=86400.0, period=300), minutes(back=30 * 86400.0, period=86400)]
    reader.read(wanted, NOW)
    asked = []
    for after in range(10, 3610, 10):
        reading = reader.read([replace(one, start=one.start + after) for one in wanted], NOW + after)
        asked.append(reading.queries)
    # An hour: 60 minutes' worth of the first, a third of a period for the second, each quarter of an hour the third.
    assert sum(asked) == 60 + 32 + 4


def test_of_two_who_want_the_same_at_once_one_asks(cloudwatch: CloudWatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(CloudWatch):
        def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
            begun.set()
            go_on.wait(5)
            return super().all(service, operation, key, **params)

    slow = Slow()
    reader = Reader(lambda region: slow)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(reader.read, [minutes()], NOW) for _ in range(2)]
        assert begun.wait(5)
        go_on.set()
        first, second = (one.result(5) for one in both)
    assert first.points == second.points
    assert sorted((first.calls, second.calls)) == [0, 1]
