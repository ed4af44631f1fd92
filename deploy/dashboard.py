"""CloudWatch's dashboard about Parapet itself: is the watchman awake? Pure."""

from __future__ import annotations

from typing import Any

from deploy import widgets


def body() -> dict[str, Any]:
    """Return the dashboard's body, as CloudWatch's Dashboard Body Structure describes it.

    Metrics are found by search, since CloudFormation names functions and a stage is part of every name.
    """
    found = (
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
    )  # fmt: skip
    return widgets.body([widgets.Row(found, beside=2)], start="-PT24H")


def _searched(title: str, namespace: str, dimension: str, metric: str, statistic: str) -> dict[str, Any]:
    search = f'{{{namespace},{dimension}}} MetricName="{metric}" {dimension}=parapet'
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": widgets.REGION,
            "period": 300,
            "metrics": [[{"expression": f"SEARCH('{search}', '{statistic}', 300)", "id": "e1"}]],
        },
    }
