"""CloudWatch's dashboard about Parapet itself: is the watchman awake? Pure."""

from __future__ import annotations

import json
from typing import Any

WIDTH, HEIGHT, COLUMNS = 12, 6, 2


def body() -> str:
    """Return the dashboard's body, as CloudWatch's Dashboard Body Structure describes it.

    Metrics are found by search, since CloudFormation names functions and a stage is part of every name.
    """
    widgets = [
        _searched("Errors of our functions", "AWS/Lambda", "FunctionName", "Errors", "Sum"),
        _searched("Throttled invocations", "AWS/Lambda", "FunctionName", "Throttles", "Sum"),
        _searched("Duration of our functions, p99 (ms)", "AWS/Lambda", "FunctionName", "Duration", "p99"),
        _searched("Age of events waiting for us (ms)", "AWS/Lambda", "FunctionName", "AsyncEventAge", "Maximum"),
        _searched(
            "Messages waiting: outbox and dead letters", "AWS/SQS", "QueueName",
            "ApproximateNumberOfMessagesVisible", "Maximum",
        ),
        _searched(
            "Oldest message (s)", "AWS/SQS", "QueueName", "ApproximateAgeOfOldestMessage", "Maximum",
        ),
    ]  # fmt: skip
    placed = [
        {**widget, "x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "width": WIDTH, "height": HEIGHT}
        for number, widget in enumerate(widgets)
    ]
    return json.dumps({"start": "-PT24H", "widgets": placed}, indent=2) + "\n"


def _searched(title: str, namespace: str, dimension: str, metric: str, statistic: str) -> dict[str, Any]:
    search = f'{{{namespace},{dimension}}} MetricName="{metric}" {dimension}="parapet"'
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": "${AWS::Region}",
            "period": 300,
            "metrics": [[{"expression": f"SEARCH('{search}', '{statistic}', 300)", "id": "e1"}]],
        },
    }
