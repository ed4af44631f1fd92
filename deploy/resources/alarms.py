"""Parapet's alarms on itself: a watchman who has fallen asleep must not be the one to tell.

CloudWatch watches. Each alarm tells the alert topic, as any alarm does: when we work, people read of it in Slack with
all that belongs to it. Whether people are told at all is for `unhealthy` to say, an alarm on some of those alarms that
tells the page topic, where no function of ours has a part. `KINDS` says what each kind of alarm means and what to do;
`docs/operations.md` has a section of that name for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chalice.utils import to_cfn_resource_name

from chalicelib import registry
from deploy.intrinsics import named, ref, resource, sub
from deploy.resources.functions import Function
from deploy.resources.heartbeat import RULE

Statistic = Literal["Sum", "Maximum", "p99"]
# What it means when there is nothing to measure: all is well, something is wrong, or what it meant before.
Missing = Literal["notBreaching", "breaching", "ignore"]


@dataclass(frozen=True)
class Kind:
    """One kind of alarm.

    Args:
        name: the last part of its alarms' names, and their section in `docs/operations.md`.
        means: what has happened, with `{subject}` where the alarm's own subject stands.
        todo: what to do about it.
        statistic: how the measurements of one period become one number.
        minutes: how long a period is.
        periods: how many in a row must be bad, a number or the parameter that has it.
        threshold: what is bad: this and above, or below it where nothing at all is bad too.
        missing: what it means when there is nothing to measure.
    """

    name: str
    means: str
    todo: str
    statistic: Statistic
    minutes: int
    periods: int | str
    threshold: float
    missing: Missing = "notBreaching"


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "failing",
            "{subject} has failed or been throttled in each of the last three periods of five minutes.",
            "Read its log group and mend the cause; events are tried again, and what is given up on is kept.",
            "Sum", 5, 3, 1,
        ),
        Kind(
            "lost",
            "{subject} gave up on an event, or never got it.",
            "The failures notice or the dead letters say which; mend the cause, the next sweep takes up what stands.",
            "Sum", 5, 1, 1,
        ),
        Kind(
            "late",
            "Events wait for more than ten minutes until {subject} takes them.",
            "Look for throttles, and raise the account's or the reserved concurrency.",
            "Maximum", 5, 2, 600_000,
        ),
        Kind(
            "quiet",
            "Nothing has reached {subject} for hours, not even the sweep that comes every hour.",
            "See whether its rule is enabled and has its target, and whether sweep runs: ./parapet doctor.",
            "Sum", 60, "QuietHours", 1, "breaching",
        ),
        Kind(
            "dead-letters",
            "Messages lie in {subject}.",
            "Read one without deleting it, mend the cause, and redrive the queue or purge what is of no use any more.",
            # After six hours in which nobody touches a queue SQS measures it no more, whatever lies in it.
            "Maximum", 5, 1, 1, "ignore",
        ),
        Kind(
            "stuck",
            "A message has waited in {subject} for more than fifteen minutes: people are not told.",
            "The log of the function that empties it says why: what people are told through may be down, or refuse us.",
            "Maximum", 5, 1, 900,
        ),
        Kind(
            "slow",
            "Of the fixes of the last hour, one in a hundred took more than five minutes from the call to the fix.",
            "If the guards are not late and do not fail, CloudTrail delivers late: AWS's health page tells.",
            "p99", 60, 1, 300,
        ),
        Kind(
            "failures",
            "A fix was tried and did not work.",
            "./parapet journal --status failed says which, and which permission is missing; the sweep tries again.",
            "Sum", 5, 1, 1,
        ),
        Kind(
            "forged",
            "Ten calls within five minutes came to the routes for Slack and were not Slack's, or were late.",
            "If no button works, put the app's signing secret where docs/slack.md says; else somebody tries the door.",
            "Sum", 5, 1, 10,
        ),
        Kind(
            "errors",
            "The HTTP API has answered with a 5xx in each of the last three periods of five minutes.",
            "The log of api-handler says why, under the request's number.",
            "Sum", 5, 3, 1,
        ),
        Kind(
            "silence",
            "No heartbeat has come back through CloudTrail and EventBridge for twenty minutes: Parapet may be blind.",
            "Run ./parapet doctor: it looks at the trail, the rules and the heartbeat function, and says what to do.",
            "Sum", 5, 4, 1, "breaching",
        ),
    )
}  # fmt: skip

# The functions and queues through which people are told: when they do not work, what CloudWatch says must reach people
# anyhow. Whatever else fails wakes nobody: these tell of it.
TELLING = ("alert", "timer", "notify", "notify-pagerduty", "notify-email")
BETWEEN = ("alerts", "slack", "pagerduty", "email")
UNHEALTHY = frozenset({
    "silence",
    *(f"{function}-{kind}" for function in TELLING for kind in ("failing", "lost")),
    *(f"{queue}-{kind}" for queue in BETWEEN for kind in ("stuck", "dead-letters")),
})  # fmt: skip
UNWELL = "UnhealthyAlarm"


@dataclass(frozen=True)
class Metric:
    """What is measured: a metric by its namespace, name and dimensions."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any]


@dataclass(frozen=True)
class Alarm:
    """One alarm: its kind, its name and its subject behind the stage, and the metrics whose sum it watches."""

    kind: Kind
    name: str
    subject: str
    metrics: tuple[Metric, ...]


def alarms(functions: Iterable[Function], others: Mapping[str, Any]) -> Iterator[Alarm]:
    """Yield every alarm.

    Args:
        functions: all of them.
        others: the resources among which are the queues.
    """
    for function in functions:
        for kind, metrics in _of_function(function):
            yield Alarm(KINDS[kind], f"{function.dashed}-{kind}", function.dashed, metrics)
    for logical, one in others.items():
        if one["Type"] == "AWS::SQS::Queue" and "DeadLetters" in logical:
            queue = one["Properties"]["QueueName"]["Fn::Sub"].removeprefix("parapet-${Stage}-")
            metrics = _queue(logical, "ApproximateNumberOfMessagesVisible")
            yield Alarm(KINDS["dead-letters"], queue.removesuffix(".fifo"), queue, metrics)
        elif one["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in one["Properties"]:
            queue = one["Properties"]["QueueName"]["Fn::Sub"].removeprefix("parapet-${Stage}-")
            metrics = _queue(logical, "ApproximateAgeOfOldestMessage")
            yield Alarm(KINDS["stuck"], f"{queue.removesuffix('.fifo')}-stuck", queue, metrics)
    ours = {"Stage": ref("Stage")}
    yield Alarm(KINDS["slow"], "slow", "", (Metric("Parapet", "SecondsToRemediate", ours),))
    yield Alarm(KINDS["failures"], "failures", "", (Metric("Parapet", "Failures", ours),))
    yield Alarm(KINDS["forged"], "forged", "", (Metric("Parapet", "Forgeries", ours),))
    yield Alarm(KINDS["silence"], "silence", "", _rule(RULE, "TriggeredRules"))


def resources(functions: Iterable[Function], others: Mapping[str, Any], paging: Iterable[str] = ()) -> dict[str, Any]:
    """Return the alarms as resources.

    Args:
        functions: all of them.
        others: the resources among which are the queues.
        paging: names of people's own alarms that page over the plain topic when we are not there to do it.
    """
    every = {f"{to_cfn_resource_name(one.name)}Alarm": one for one in alarms(functions, others)}
    found = {logical: _resource(one) for logical, one in every.items()}
    deaf_or_dumb = [logical for logical, one in every.items() if one.name in UNHEALTHY]
    found[UNWELL] = _composite(
        "unhealthy",
        "Parapet may be deaf or dumb: one of the alarms that this one names is on. ./parapet doctor says which part, "
        "docs/operations.md#unhealthy what to do. Alarms under [paging] page over this topic until it is over.",
        " OR ".join(f'ALARM("${{{logical}}}")' for logical in deaf_or_dumb),
    )
    for name in paging:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        found[f"Page{digest}Alarm"] = _composite(
            f"page-{name}",
            f"{name} is on while Parapet is not well, and may not have told anybody. See docs/operations.md#unhealthy",
            f'ALARM("{name}") AND ALARM("${{{UNWELL}}}")',
        )
    return found


def _composite(name: str, text: str, rule: str) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::CompositeAlarm",
        AlarmName=named(name),
        AlarmDescription=text,
        AlarmRule=sub(rule),
        AlarmActions=[ref("PageTopic")],
        OKActions=[ref("PageTopic")],
    )


def _of_function(function: Function) -> Iterator[tuple[str, tuple[Metric, ...]]]:
    name = function.dashed
    # To decline a token is an error in Lambda's eyes; what it cannot judge, API Gateway answers with a 5xx.
    counted = ("Throttles",) if function.kind == "authorizer" else ("Errors", "Throttles")
    yield "failing", _lambda(name, *counted)
    if function.asynchronous:
        undelivered = _rule(name, "FailedInvocations") if function.ruled else ()
        yield "lost", (*_lambda(name, "AsyncEventsDropped", "DestinationDeliveryFailures"), *undelivered)
    if function.kind == "rule":
        yield "late", _lambda(name, "AsyncEventAge")
        if any(not rail.momentary for rail in registry.of(function.name.removeprefix("guard_"))):
            # What lives in events alone is not swept, and days without any are no alarm.
            yield "quiet", _rule(name, "TriggeredRules")
    if function.kind == "api":
        yield "errors", (Metric("AWS/ApiGateway", "5XXError", {"ApiName": named("api"), "Stage": "api"}),)


def _lambda(name: str, *metrics: str) -> tuple[Metric, ...]:
    return tuple(Metric("AWS/Lambda", metric, {"FunctionName": named(name)}) for metric in metrics)


def _rule(name: str, metric: str) -> tuple[Metric, ...]:
    return (Metric("AWS/Events", metric, {"RuleName": named(name)}),)


def _queue(logical: str, metric: str) -> tuple[Metric, ...]:
    return (Metric("AWS/SQS", metric, {"QueueName": {"Fn::GetAtt": [logical, "QueueName"]}}),)


def _resource(alarm: Alarm) -> dict[str, Any]:
    kind = alarm.kind
    periods = ref(kind.periods) if isinstance(kind.periods, str) else kind.periods
    text = f"{kind.means} {kind.todo} See docs/operations.md#{kind.name}"
    described = sub(text.format(subject=f"parapet-${{Stage}}-{alarm.subject}")) if "{subject}" in text else text
    return resource(
        "AWS::CloudWatch::Alarm",
        AlarmName=named(alarm.name),
        AlarmDescription=described,
        AlarmActions=[ref("AlertTopic")],
        OKActions=[ref("AlertTopic")],
        ComparisonOperator="LessThanThreshold" if kind.missing == "breaching" else "GreaterThanOrEqualToThreshold",
        Threshold=kind.threshold,
        EvaluationPeriods=periods,
        TreatMissingData=kind.missing,
        **(_measured(kind, alarm.metrics[0]) if len(alarm.metrics) == 1 else _summed(kind, alarm.metrics)),
    )


def _measured(kind: Kind, metric: Metric) -> dict[str, Any]:
    statistic = "Statistic" if kind.statistic in ("Sum", "Maximum") else "ExtendedStatistic"
    return {**_metric(metric), statistic: kind.statistic, "Period": kind.minutes * 60}


def _summed(kind: Kind, metrics: tuple[Metric, ...]) -> dict[str, Any]:
    ids = [f"m{number}" for number, _ in enumerate(metrics)]
    parts = [
        {
            "Id": one,
            "MetricStat": {"Metric": _metric(metric), "Period": kind.minutes * 60, "Stat": kind.statistic},
            "ReturnData": False,
        }
        for one, metric in zip(ids, metrics, strict=True)
    ]
    # Some are only measured when there is something to count.
    expression = " + ".join(f"FILL({one}, 0)" for one in ids)
    return {"Metrics": [*parts, {"Id": "sum", "Expression": expression, "ReturnData": True}]}


def _metric(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
