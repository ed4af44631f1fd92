"""CloudWatch's metrics over the API: put, read page by page, listed, and by a clock that runs faster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from local.cloudwatch import api
from local.cloudwatch.clock import Clock
from local.cloudwatch.store import DAY, Metric
from tests.account import Clock as Wall
from tests.samples import ACCOUNT, REGION

NOW = 1_795_000_830.0
AT = 1_795_000_200
OF = [{"Name": "Service", "Value": "checkout"}]
M = {"Namespace": "Shop", "MetricName": "Latency", "Dimensions": OF}


@pytest.fixture
def wall() -> Wall:
    return Wall(NOW)


@pytest.fixture
def clock(wall: Wall) -> Iterator[Clock]:
    with api.plugged(Clock(wall=wall)) as clock:
        yield clock


@pytest.fixture
def cloudwatch(clock: Clock, account: Any) -> Any:
    # One account for all: making one for each takes longer than the tests.
    for backend in get_backend("cloudwatch")[ACCOUNT].values():
        backend.reset()
    return account


@pytest.fixture(scope="module")
def account() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudwatch", region_name=REGION)


def when(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def put(client: Any, at: float | None = AT, namespace: str = "Shop", **datum: Any) -> None:
    timed = {} if at is None else {"Timestamp": when(at)}
    client.put_metric_data(
        Namespace=namespace, MetricData=[{"MetricName": "Latency", "Dimensions": OF, **timed, **datum}]
    )


def some(client: Any) -> None:
    put(client, AT + 10, Values=[1.0, 2.0, 4.0], Counts=[5, 4, 1])
    put(client, AT + 70, Value=3.0)
    put(client, AT + 130, StatisticValues={"SampleCount": 4, "Sum": 20, "Minimum": 2, "Maximum": 9})


def get(client: Any, *queries: dict[str, Any], start: float = AT, end: float = AT + 300, **more: Any) -> Any:
    return client.get_metric_data(MetricDataQueries=queries, StartTime=when(start), EndTime=when(end), **more)


def stat(id_: str = "m1", stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    return {"Id": id_, "MetricStat": {"Metric": M, "Stat": stat, "Period": period}, **more}


def values(answer: Any) -> list[float]:
    [result] = answer["MetricDataResults"]
    return [float(one) for one in result["Values"]]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("SampleCount", [10, 1, 4]), ("Sum", [17, 3, 20]), ("Average", [1.7, 3, 5]), ("Minimum", [1, 3, 2]),
        ("Maximum", [4, 3, 9]), ("p50", [1.5, 3]), ("PR(:2)", [90, 0]), ("TC(1:2)", [4, 0]), ("TM(:2)", [13 / 9]),
    ],
)  # fmt: skip
def test_what_is_put_is_read(cloudwatch: Any, name: str, wanted: list[float]) -> None:
    some(cloudwatch)
    assert values(get(cloudwatch, stat(stat=name), ScanBy="TimestampAscending")) == pytest.approx(wanted)


def test_neither_of_another_namespace_nor_of_another_service(cloudwatch: Any) -> None:
    put(cloudwatch, Value=1.0, namespace="Other")
    put(cloudwatch, Value=2.0, Dimensions=[])
    put(cloudwatch, Value=3.0)
    assert values(get(cloudwatch, stat())) == [3.0]


def test_answers_are_as_cloudwatch_s(cloudwatch: Any) -> None:
    some(cloudwatch)
    answer = get(cloudwatch, stat(), {"Id": "e1", "Expression": "m1/0", "Label": "no"}, stat("m2", ReturnData=False))
    [metric, expression] = answer["MetricDataResults"]
    assert metric == {
        "Id": "m1", "Label": "Latency", "StatusCode": "Complete", "Messages": [], "Values": [20.0, 3.0, 17.0],
        "Timestamps": [when(AT + 120), when(AT + 60), when(AT)],
    }  # fmt: skip
    assert (expression["Label"], expression["Values"], expression["StatusCode"]) == ("no", [], "Complete")
    assert expression["Messages"] == [{"Code": "ArithmeticError", "Value": api.DROPPED}]
    assert "NextToken" not in answer


def test_metric_math_is_evaluated(cloudwatch: Any) -> None:
    some(cloudwatch)
    shortfall = {"Id": "e1", "Expression": "IF(FILL(n,0)>=4, (1-r/100)*100, 0)"}
    hidden = [stat("n", "SampleCount", ReturnData=False), stat("r", "PR(:2)", ReturnData=False)]
    answer = get(cloudwatch, shortfall, *hidden, ScanBy="TimestampAscending")
    assert values(answer) == pytest.approx([10, 0, 0, 0, 0])


@pytest.mark.parametrize("order", api.ORDERS)
def test_long_answers_come_in_pages(cloudwatch: Any, order: str) -> None:
    some(cloudwatch)
    whole = get(cloudwatch, stat(), stat("nothing", Label="x", stat="p99.9"), stat("m3", "Maximum"), ScanBy=order)
    found: dict[str, list[Any]] = {}
    token: dict[str, Any] = {}
    codes, pages = [], 0
    while True:
        answer = get(
            cloudwatch, stat(), stat("nothing", Label="x", stat="p99.9"), stat("m3", "Maximum"),
            ScanBy=order, MaxDatapoints=2, **token,
        )  # fmt: skip
        pages += 1
        for one in answer["MetricDataResults"]:
            found.setdefault(one["Id"], []).extend(zip(one["Timestamps"], one["Values"], strict=True))
            codes.append((one["Id"], one["StatusCode"]))
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert pages == 4, "two of eight points each"
    assert found == {
        one["Id"]: list(zip(one["Timestamps"], one["Values"], strict=True)) for one in whole["MetricDataResults"]
    }
    assert codes == [
        ("m1", "PartialData"), ("m1", "Complete"), ("nothing", "PartialData"), ("nothing", "Complete"),
        ("m3", "PartialData"), ("m3", "Complete"),
    ]  # fmt: skip


def test_a_query_without_data_is_answered(cloudwatch: Any) -> None:
    some(cloudwatch)
    answer = get(
        cloudwatch, stat("a", start := "Sum"), {**stat("b"), "MetricStat": {**stat()["MetricStat"], "Unit": "Bytes"}}
    )
    assert start == "Sum"
    assert [(one["Id"], len(one["Values"]), one["StatusCode"]) for one in answer["MetricDataResults"]] == [
        ("a", 3, "Complete"), ("b", 0, "Complete"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"ScanBy": "Sideways"}, "Sideways for parameter ScanBy"), ({"MaxDatapoints": 100_801}, "1 to 100800"),
        ({"LabelOptions": {"Timezone": "+0100"}}, "dynamic labels"),
        ({"NextToken": "nonsense"}, "NextToken is invalid"),
        ({"NextToken": "dG8gMTI="}, "NextToken is invalid"), ({"EndTime": AT}, "StartTime must be less"),
        ({"MetricDataQueries": [stat(stat="Median")]}, "takes no statistic"),
        ({"MetricDataQueries": [stat(period=45)]}, "Period 45"), ({"MetricDataQueries": [stat("Up")]}, "lowercase"),
        ({"MetricDataQueries": [{"Id": "e", "Expression": "EXP(m1)"}, stat()]}, "EXP at 1 is not a function"),
    ],
)  # fmt: skip
def test_what_get_metric_data_refuses(cloudwatch: Any, more: dict[str, Any], problem: str) -> None:
    asked = {"MetricDataQueries": [stat()], "StartTime": AT, "EndTime": AT + 300, **more}
    with pytest.raises(ClientError, match=problem) as error:
        cloudwatch.get_metric_data(**asked)
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_what_put_metric_data_refuses(cloudwatch: Any) -> None:
    for wrong, problem in (
        ({"Value": -1e109}, "-1e.109"),
        ({"Value": 1, "Unit": "Bytes", "Timestamp": NOW - 15 * DAY}, "weeks"),
    ):
        with pytest.raises(ClientError, match=problem) as error:
            put(cloudwatch, **wrong)
        assert error.value.response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(ClientError, match="EntityMetricData"):
        cloudwatch.put_metric_data(
            Namespace="Shop", EntityMetricData=[{"MetricData": [{"MetricName": "m", "Value": 1}]}]
        )


def statistics(client: Any, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get_metric_statistics(**{**M, "StartTime": AT, "EndTime": AT + 300, "Period": 60, **asked})
    assert answer["Label"] == "Latency"
    return sorted(answer["Datapoints"], key=lambda one: (one["Unit"], one["Timestamp"]))


def test_statistics(cloudwatch: Any) -> None:
    some(cloudwatch)
    put(cloudwatch, AT + 10, Value=8.0, Unit="Seconds")
    found = statistics(cloudwatch, Statistics=["Sum", "Maximum"])
    assert found == [
        {"Timestamp": when(AT), "Sum": 17.0, "Maximum": 4.0, "Unit": "None"},
        {"Timestamp": when(AT + 60), "Sum": 3.0, "Maximum": 3.0, "Unit": "None"},
        {"Timestamp": when(AT + 120), "Sum": 20.0, "Maximum": 9.0, "Unit": "None"},
        {"Timestamp": when(AT), "Sum": 8.0, "Maximum": 8.0, "Unit": "Seconds"},
    ]
    found = statistics(cloudwatch, ExtendedStatistics=["p50", "PR(:2)"], Unit="None")
    assert [one["ExtendedStatistics"] for one in found] == [{"p50": 1.5, "PR(:2)": 90.0}, {"p50": 3.0, "PR(:2)": 0.0}]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({}, "either Statistics or ExtendedStatistics"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p5"]}, "not both"),
        ({"Statistics": ["p50"]}, "p50 for parameter Statistics"),
        ({"ExtendedStatistics": ["Sum"]}, "Sum for parameter"),
        ({"Statistics": ["Sum"], "Period": 61}, "Period 61"), ({"Statistics": ["Sum"], "EndTime": AT}, "must be less"),
        ({"Statistics": ["Sum"], "StartTime": AT - 86_400}, "up to 1,445 datapoints, which exceeds the limit of 1,440"),
        ({"ExtendedStatistics": ["IQM"]}, "does not evaluate IQM"),
    ],
)  # fmt: skip
def test_what_get_metric_statistics_refuses(cloudwatch: Any, asked: dict[str, Any], problem: str) -> None:
    some(cloudwatch)
    with pytest.raises(ClientError, match=problem):
        statistics(cloudwatch, **asked)


def listed(client: Any, **asked: Any) -> list[tuple[str, str, str]]:
    every = client.get_paginator("list_metrics").paginate(**asked).build_full_result()["Metrics"]
    return [(one["Namespace"], one["MetricName"], "".join(d["Value"] for d in one["Dimensions"])) for one in every]


def test_metrics_are_listed_by_what_they_are(cloudwatch: Any) -> None:
    put(cloudwatch, Value=1.0)
    put(cloudwatch, Value=1.0, Dimensions=[*OF, {"Name": "Zone", "Value": "a"}])
    put(cloudwatch, NOW - 4 * 3600, Value=1.0, MetricName="Errors", Dimensions=[])
    put(cloudwatch, Value=1.0, namespace="Other")
    api.store(ACCOUNT, REGION).fill(Metric.of("Shop", "Old"), AT // 3600 * 3600 - 15 * DAY, 3600, [1.0])
    latency, zoned, errors = (
        ("Shop", *rest) for rest in (("Latency", "checkout"), ("Latency", "checkouta"), ("Errors", ""))
    )
    other = ("Other", "Latency", "checkout")
    assert listed(cloudwatch) == [other, errors, latency, zoned]
    assert listed(cloudwatch, Namespace="Shop", MetricName="Latency") == [latency, zoned]
    assert listed(cloudwatch, Dimensions=[{"Name": "Zone"}]) == [zoned]
    assert listed(cloudwatch, Dimensions=[{"Name": "Service", "Value": "checkout"}], Namespace="Shop") == [
        latency,
        zoned,
    ]
    assert listed(cloudwatch, Dimensions=[{"Name": "Service", "Value": "cart"}]) == []
    assert listed(cloudwatch, RecentlyActive="PT3H") == [other, latency, zoned]
    assert listed(boto3.client("cloudwatch", region_name="us-east-1")) == []
    for wrong in ({"RecentlyActive": "PT1H"}, {"OwningAccount": "210987654321"}, {"NextToken": "?"}):
        with pytest.raises(ClientError, match="ValidationError"):
            cloudwatch.list_metrics(**wrong)


def test_metrics_are_listed_in_pages(cloudwatch: Any) -> None:
    for number in range(1001):
        api.store(ACCOUNT, REGION).put(Metric.of("Shop", f"m{number:04}"), AT, (1.0,))
    first = cloudwatch.list_metrics()
    assert (len(first["Metrics"]), "NextToken" in first) == (500, True)
    assert [name for _, name, _ in listed(cloudwatch)] == [f"m{number:04}" for number in range(1001)]


def test_a_clock_that_ran_faster_is_not_seen_from_outside(cloudwatch: Any, clock: Clock, wall: Wall) -> None:
    store, metric = api.store(ACCOUNT, REGION), Metric.of("Shop", "Latency", {"Service": "checkout"})
    clock.faster(60)
    wall.at += 301.5
    clock.faster(1)
    assert clock.shift == 296 * 60
    # A generator puts by the clock, a caller by the wall or without any time.
    this = clock.now() // 60 * 60
    store.put(metric, this - 120, (1.0,))
    put(cloudwatch, wall.at - 30, Value=2.0)
    put(cloudwatch, None, Value=4.0)
    by_wall = this - clock.shift
    answer = get(cloudwatch, stat(), start=wall.at - 3 * 3600, end=wall.at + 60, ScanBy="TimestampAscending")
    [result] = answer["MetricDataResults"]
    assert result["Values"] == [1.0, 2.0, 4.0]
    assert result["Timestamps"] == [when(by_wall - 120), when(by_wall - 60), when(by_wall)]
    found = statistics(cloudwatch, StartTime=wall.at - 600, EndTime=wall.at + 60, Period=300, Statistics=["Sum"])
    assert sum(one["Sum"] for one in found) == 7.0
    assert {one["Timestamp"] for one in found} == {when(wall.at // 60 * 60 - ago) for ago in (300, 0)}
    with pytest.raises(ClientError, match="two hours in the future"):
        put(cloudwatch, clock.now(), Value=1.0)


def test_widgets_are_drawn(cloudwatch: Any) -> None:
    some(cloudwatch)
    row = ["Shop", "Latency", "Service", "checkout", {"id": "m1", "period": 60}]
    asked = {"metrics": [row, [{"expression": "m1*2"}]], "period": 60}
    answer = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps(asked))
    assert bytes(answer["MetricWidgetImage"]).startswith(b"\x89PNG")
    for text, problem in (("{", "InvalidParameterValue"), ("[]", "InvalidParameterValue"), ("{}", "1 to 100")):
        with pytest.raises(ClientError, match=problem):
            cloudwatch.get_metric_widget_image(MetricWidget=text)


def test_contributors_are_those_of_several_series(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.describe_alarm_contributors(AlarmName="nobody")
    bound = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(AlarmName="one", Statistic="Sum", Period=60, **M, **bound)
    cloudwatch.put_metric_alarm(
        AlarmName="math", Metrics=[stat(ReturnData=False), {"Id": "e", "Expression": "m1*2"}], **bound
    )
    for name in ("one", "math"):
        assert cloudwatch.describe_alarm_contributors(AlarmName=name)["AlarmContributors"] == []
    select = [{"Id": "q1", "Expression": "SELECT MAX(Latency) FROM Shop GROUP BY Service", "Period": 60}]
    cloudwatch.put_metric_alarm(AlarmName="many", Metrics=select, **bound)
    with pytest.raises(ClientError, match="does not evaluate Metrics Insights"):
        cloudwatch.describe_alarm_contributors(AlarmName="many")


def test_plugging_out_leaves_moto_as_it_was() -> None:
    before = {name: getattr(CloudWatchResponse, name, None) for name in api.RESPONSES}
    put, clock = CloudWatchBackend.put_metric_data, api.clock
    with api.plugged():
        assert api.clock is not clock
        assert CloudWatchBackend.put_metric_data is not put
    assert {name: getattr(CloudWatchResponse, name, None) for name in api.RESPONSES} == before
    assert CloudWatchBackend.put_metric_data is put
    assert api.clock is clock
