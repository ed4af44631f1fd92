"""The local CloudWatch's metrics: values as CloudWatch takes them, pictures, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudwatch.models import CloudWatchBackend

from chalicelib import chart
from local import metrics
from tests.samples import REGION
from tests.test_chart import count

AT = 1_795_000_200.0
DIMENSIONS = [{"Name": "Service", "Value": "checkout"}]
OF = {"Namespace": "Shop", "MetricName": "Latency", "Dimensions": DIMENSIONS}
ROW = ["Shop", "Latency", "Service", "checkout"]
SPAN = {"start": "2026-11-18T10:00:00Z", "end": "2026-11-18T12:00:00Z"}


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Put back in the end: other tests mean moto as it is.
    monkeypatch.setattr(CloudWatchBackend, "get_metric_data", CloudWatchBackend.get_metric_data)
    metrics.drawn()
    with mock_aws():
        client = boto3.client("cloudwatch", region_name=REGION)
        for second, value in ((10, 1.0), (50, 3.0), (70, 5.0)):
            put(client, value, AT + second)
        # Neither of another namespace nor of another service.
        put(client, 99.0, AT + 10, namespace="Other")
        put(client, 99.0, AT + 10, dimensions=[{"Name": "Service", "Value": "cart"}])
        yield client


def put(client: Any, value: float, at: float, namespace: str = "Shop", dimensions: Any = DIMENSIONS) -> None:
    when = datetime.fromtimestamp(at, UTC)
    data = {"MetricName": "Latency", "Dimensions": dimensions, "Value": value, "Timestamp": when}
    client.put_metric_data(Namespace=namespace, MetricData=[data])


def read(client: Any, stat: str, period: int = 60, **more: Any) -> list[float]:
    query = {"Id": "m1", "MetricStat": {"Metric": OF, "Period": period, "Stat": stat}}
    answer = client.get_metric_data(MetricDataQueries=[query], StartTime=AT, EndTime=AT + 600, **more)
    return [float(value) for value in answer["MetricDataResults"][0]["Values"]]


@pytest.mark.parametrize(
    ("stat", "values"),
    [
        ("Sum", [5.0, 4.0]), ("Average", [5.0, 2.0]), ("Minimum", [5.0, 1.0]), ("Maximum", [5.0, 3.0]),
        ("SampleCount", [1.0, 2.0]), ("p50", [5.0, 2.0]), ("p100", [5.0, 3.0]), ("p0", [5.0, 1.0]),
    ],
)  # fmt: skip
def test_values_are_taken_by_period_the_latest_first(cloudwatch: Any, stat: str, values: list[float]) -> None:
    assert read(cloudwatch, stat) == values


def test_periods_begin_where_cloudwatch_s_do(cloudwatch: Any) -> None:
    query = {"Id": "m1", "MetricStat": {"Metric": OF, "Period": 60, "Stat": "Sum"}}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=AT - 30, EndTime=AT + 600, ScanBy="TimestampAscending"
    )
    [result] = answer["MetricDataResults"]
    assert [moment.timestamp() for moment in result["Timestamps"]] == [AT, AT + 60]
    assert read(cloudwatch, "Sum", 300) == [9.0]


def test_what_cannot_be_evaluated_is_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="evaluates no expression yet: m1"):
        cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "e1", "Expression": "m1 * 2"}], StartTime=AT, EndTime=AT + 60
        )
    with pytest.raises(ClientError, match="takes no TM"):
        read(cloudwatch, "TM(10%:90%)")
    with pytest.raises(ClientError, match="StartTime must be less"):
        cloudwatch.get_metric_data(MetricDataQueries=[], StartTime=AT, EndTime=AT)


def draw(client: Any, **widget: Any) -> bytes:
    answer = client.get_metric_widget_image(MetricWidget=json.dumps({"metrics": [[*ROW, {"period": 60}]], **widget}))
    return bytes(answer["MetricWidgetImage"])


def test_a_widget_is_drawn_with_its_annotations(cloudwatch: Any) -> None:
    plain = draw(cloudwatch, **SPAN)
    across = {"horizontal": [{"label": "threshold", "value": 4.0}]}
    down = {"vertical": [{"label": "began", "value": "2026-11-18T11:10:30Z"}]}
    assert count(plain, chart.COLOURS[0]) > 100
    assert count(plain, chart.RED) == 0
    assert count(draw(cloudwatch, **SPAN, annotations=across), chart.RED) > 500
    assert count(draw(cloudwatch, **SPAN, annotations=down), chart.INK) > count(plain, chart.INK)


def test_what_is_hidden_is_not_drawn(cloudwatch: Any) -> None:
    hidden = draw(cloudwatch, **SPAN, metrics=[[*ROW, {"visible": False, "period": 60}]])
    assert count(hidden, chart.COLOURS[0]) == 0


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        ({"metrics": []}, "1 to 100"), ({"metrics": "x"}, "1 to 100"), ({"metrics": ["x"]}, "must be an array"),
        ({"metrics": [["Shop"]]}, "is not .namespace"), ({"metrics": [["Shop", "Latency", "Service"]]}, "is not"),
        ({"metrics": [[{"expression": "m1 * 2"}]]}, "does not draw expressions yet: m1"),
        ({"metrics": [[*ROW, {"yAxis": "right"}]]}, "yAxis of a metric"), ({"metrics": [["...", "x"]]}, "short for"),
        ({"stacked": True}, "does not draw stacked of a widget"), ({"view": "bar"}, "the view bar"),
        ({"width": 0}, "width must be 1 to 2000"), ({"start": "yesterday"}, "'yesterday' is not a time"),
        ({"annotations": {"alarms": ["x"]}}, "alarms of annotations"), ({"annotations": []}, "should be an object"),
        ({"annotations": {"horizontal": [{"value": 1, "fill": "above"}]}}, "fill of an annotation"),
        ({"annotations": {"horizontal": [{"value": 1}, {"value": 2}]}}, "more than one annotation"),
        ({"metrics": [[*ROW, {"stat": "TM(1%:2%)"}]], **SPAN}, "takes no TM"),
    ],
)  # fmt: skip
def test_what_it_cannot_draw_it_refuses(cloudwatch: Any, widget: dict[str, Any], problem: str) -> None:
    with pytest.raises(ClientError, match=problem):
        draw(cloudwatch, **widget)


def test_no_json_is_refused(cloudwatch: Any) -> None:
    for text in ("{", "[]"):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            cloudwatch.get_metric_widget_image(MetricWidget=text)


def test_contributors_are_those_of_several_series(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.describe_alarm_contributors(AlarmName="nobody")
    bound = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(AlarmName="one", Statistic="Sum", Period=60, **OF, **bound)
    assert cloudwatch.describe_alarm_contributors(AlarmName="one")["AlarmContributors"] == []
    select = [{"Id": "q1", "Expression": "SELECT MAX(Latency) FROM Shop GROUP BY Service", "Period": 60}]
    cloudwatch.put_metric_alarm(AlarmName="many", Metrics=select, **bound)
    with pytest.raises(ClientError, match="evaluates no expression yet"):
        cloudwatch.describe_alarm_contributors(AlarmName="many")
