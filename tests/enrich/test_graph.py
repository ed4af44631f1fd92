"""What CloudWatch is asked to draw, and what becomes of what it draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.enrich import graph
from chalicelib.enrich.gather import Found
from chalicelib.enrich.watched import Watched
from chalicelib.model import ParapetError
from tests.enrich.fakes import NOW, SINCE, FakeAws, query, signal

IMAGE = "cloudwatch:get_metric_widget_image"


def test_the_widget_has_metric_bound_and_onset() -> None:
    aws = FakeAws({IMAGE: {"MetricWidgetImage": b"png"}})
    assert graph.look(aws, signal(), NOW) == Found(picture=b"png")
    [params] = aws.made(IMAGE)
    assert json.loads(params["MetricWidget"]) == {
        "title": "checkout-errors", "view": "timeSeries", "width": 600, "height": 260,
        "start": "2026-11-18T08:10:00Z", "end": "2026-11-18T11:10:00Z", "timezone": "+0000",
        "metrics": [["AWS/Lambda", "Errors", "FunctionName", "checkout", {"id": "m1", "stat": "Sum", "period": 60}]],
        "annotations": {
            "horizontal": [{"label": "threshold", "value": 5.0}],
            "vertical": [{"label": "began", "value": "2026-11-18T11:00:00Z"}],
        },
    }  # fmt: skip


def test_expressions_and_hidden_parts_are_drawn_as_cloudwatch_takes_them() -> None:
    metrics = (
        {"Id": "e1", "Expression": "m1/m2", "Label": "rate"},
        query("m1", ReturnData=False, AccountId="210987654321"),
    )
    drawn = graph.widget(Watched("a", metrics, None, "", 300), NOW - 20 * 3600, NOW, 600, 260)
    assert drawn["metrics"] == [
        [{"id": "e1", "label": "rate", "expression": "m1/m2", "period": 300}],
        [
            "AWS/Lambda", "Errors", "FunctionName", "checkout",
            {"id": "m1", "visible": False, "accountId": "210987654321", "stat": "Sum", "period": 60},
        ],
    ]  # fmt: skip
    assert "horizontal" not in drawn["annotations"]
    assert drawn["start"] == "2026-11-17T14:40:00Z", "half an hour before it began"


def test_an_onset_long_ago_is_not_drawn() -> None:
    drawn = graph.widget(Watched("a", (query(),), None, "", 60), NOW - 900_000, NOW, 600, 260)
    assert "annotations" not in drawn
    assert drawn["start"] == "2026-11-17T11:10:00Z"


def test_a_picture_that_is_too_large_is_asked_for_smaller_once() -> None:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        return {"MetricWidgetImage": b"x" * (200_000 if json.loads(params["MetricWidget"])["width"] == 600 else 9)}

    aws = FakeAws({IMAGE: answer})
    assert graph.look(aws, signal(), NOW).picture == b"x" * 9
    with pytest.raises(ParapetError, match="200 kB"):
        graph.look(FakeAws({IMAGE: {"MetricWidgetImage": b"x" * 200_000}}), signal(), NOW)


def test_nothing_is_drawn_of_what_is_no_metric() -> None:
    assert graph.look(FakeAws(), signal(metrics=(), kind="log"), SINCE) == Found()
