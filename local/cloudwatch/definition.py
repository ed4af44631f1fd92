"""What PutMetricAlarm and PutCompositeAlarm take: alarms that were understood, and what CloudWatch refuses; pure.

Alarms that CloudWatch takes and that are not judged here are `Unjudged`: those on anomalies, on Metrics Insights and
PromQL queries, over wall clock windows, with a warm-up, of periods below a minute. They are kept, that is said once,
and they change by `set-alarm-state` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.cloudwatch.alarm_rules import Rule, RuleError, name_of, parse
from local.cloudwatch.judgement import BREACHES, Terms
from local.cloudwatch.refused import Refused

Given = Mapping[str, Any]
Query = Mapping[str, Any]

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800
METRICS, EXPRESSIONS, ACTIONS = 10, 10, 5
# How many composites one alarm may be a child of.
PARENTS = 150
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
ANOMALIES = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
TREATS = ("missing", "ignore", "breaching", "notBreaching")
SINGLE = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
# Alarms on metrics of this namespace ignore what is missing, whatever they say.
IGNORING = "AWS/DynamoDB"
PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
SEARCH = re.compile(r"\bSEARCH\s*\(", re.IGNORECASE)
ELSEWHERE = re.compile(r"\b(ANOMALY_DETECTION_BAND|INSIGHT_RULE_METRIC|SERVICE_QUOTA|DB_PERF_INSIGHTS|LAMBDA)\s*\(")
INSIGHTS = re.compile(r"\s*(SELECT)\s", re.IGNORECASE)


class Unjudged(Exception):
    """What CloudWatch takes, and what is not judged here."""


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """An alarm on a metric, or on an expression over several.

    Args:
        name: of the alarm.
        queries: what it reads, as GetMetricData takes it.
        watched: the id of the query that it is about.
        period: the length of a datapoint in seconds.
        terms: by what it is judged.
        statistic: of an alarm on a single metric, nothing of others.
        unit: which it asks for.
        samples: how many samples its percentile takes to be evaluated; 0 for any number.
    """

    name: str
    queries: tuple[Query, ...]
    watched: str
    period: int
    terms: Terms
    statistic: str = ""
    unit: str = ""
    samples: float = 0.0

    @property
    def hourly(self) -> bool:
        """Whether it is evaluated every hour only, as those that look back for more than a day are."""
        return self.period * self.terms.periods > DAY


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm on the states of others.

    Args:
        name: of the alarm.
        rule: when it is in alarm.
        text: the rule as it was given.
        suppressor: the name of the alarm that keeps its actions back, if any.
        wait: for how many seconds it waits for the suppressor.
        extension: for how many seconds it stays quiet after it.
    """

    name: str
    rule: Rule
    text: str
    suppressor: str = ""
    wait: int = 0
    extension: int = 0


def metric_alarm(given: Given) -> MetricAlarm:
    """Return an alarm as PutMetricAlarm was given it; raises Refused for what CloudWatch refuses, and Unjudged."""
    _common(given)
    if unsaid := [one for one in ("EvaluationCriteria", "WarmUpConfiguration") if given.get(one)]:
        raise Unjudged(f"{given['AlarmName']} has a {unsaid[0]}")
    if "WallClockWindow" in (given.get("EvaluationWindow") or {}):
        raise Unjudged(f"{given['AlarmName']} is over a wall clock window")
    comparison = given.get("ComparisonOperator")
    if comparison not in (*BREACHES, *ANOMALIES):
        raise Refused(f"ComparisonOperator must be one of {', '.join((*BREACHES, *ANOMALIES))}, not {comparison!r}")
    queries, watched, statistic = _queries(given) if given.get("Metrics") else _single(given)
    if comparison in ANOMALIES or given.get("ThresholdMetricId"):
        raise Unjudged(f"{given['AlarmName']} is about an anomaly")
    if given.get("Threshold") is None:
        raise Refused("The parameter Threshold is required.")
    for query in queries:
        text = str(query.get("Expression", ""))
        if found := INSIGHTS.match(text) or ELSEWHERE.search(text):
            raise Unjudged(f"{given['AlarmName']} is about {found[1]}")
    period = _period(queries, watched)
    terms = _terms(given, period, queries)
    if period < MINUTE:
        raise Unjudged(f"{given['AlarmName']} has a period of {period} seconds: no metrics are kept so finely")
    samples = _samples(statistic) if given.get("EvaluateLowSampleCountPercentile") == "ignore" else 0.0
    return MetricAlarm(
        given["AlarmName"], queries, watched, period, terms, statistic, given.get("Unit") or "", samples
    )  # fmt: skip


def composite_alarm(given: Given, others: Mapping[str, Sequence[str]]) -> CompositeAlarm:
    """Return an alarm as PutCompositeAlarm was given it; raises Refused.

    Args:
        given: the request.
        others: the alarms that are there by name, each with those that it is about itself.
    """
    _common(given)
    name = given["AlarmName"]
    try:
        rule = parse(given.get("AlarmRule") or "")
    except RuleError as error:
        raise Refused(f"AlarmRule: {error}") from None
    suppressor = name_of(given.get("ActionsSuppressor") or "")
    wait, extension = (given.get(f"ActionsSuppressor{one}Period") for one in ("Wait", "Extension"))
    if suppressor and (wait is None or extension is None):
        raise Refused(
            "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor"
        )
    if not suppressor and (wait is not None or extension is not None):
        raise Refused("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod need an ActionsSuppressor")
    if min(wait or 0, extension or 0) < 0:
        raise Refused("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are 0 or more seconds")
    about = (*rule.children, *([suppressor] if suppressor else []))
    # On AWS a circle can be made, and stops being evaluated.
    if name in about or name in _under(about, others):
        raise Refused(f"Could not save the composite alarm as {name} would depend on itself")
    if missing := [one for one in about if one not in others]:
        raise Refused(f"Could not save the composite alarm as alarms [{', '.join(missing)}] do not exist")
    parents = [under for parent, under in others.items() if parent != name]
    if crowded := [one for one in rule.children if sum(one in under for under in parents) >= PARENTS]:
        raise Refused(f"{', '.join(crowded)} is watched by {PARENTS} composite alarms already")
    return CompositeAlarm(name, rule, given["AlarmRule"], suppressor, wait or 0, extension or 0)


def _under(names: Sequence[str], others: Mapping[str, Sequence[str]]) -> set[str]:
    """Return all alarms upon which some stand, and those upon which these do."""
    found: set[str] = set()
    open_ = list(names)
    while open_:
        if (name := open_.pop()) not in found:
            found.add(name)
            open_ += others.get(name, ())
    return found


def _common(given: Given) -> None:
    if not 1 <= len(name := given.get("AlarmName") or "") <= 255 or any(ord(one) < 32 for one in name):
        raise Refused(f"AlarmName must have 1 to 255 characters, and no control characters: {name!r}")
    for kind in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        if len(given.get(kind) or ()) > ACTIONS:
            raise Refused(f"{kind} has more than {ACTIONS} actions")


def _single(given: Given) -> tuple[tuple[Query, ...], str, str]:
    if not given.get("MetricName") or not given.get("Namespace"):
        raise Refused("Exactly one of MetricName (with its Namespace), Metrics or EvaluationCriteria is required")
    simple, extended = given.get("Statistic"), given.get("ExtendedStatistic")
    if bool(simple) == bool(extended):
        raise Refused("Exactly one of Statistic and ExtendedStatistic must be given")
    if simple and simple not in STATISTICS:
        raise Refused(f"Statistic must be one of {', '.join(STATISTICS)}, not {simple!r}: others are ExtendedStatistic")
    if not given.get("Period"):
        raise Refused("The parameter Period is required.")
    metric = {"Namespace": given["Namespace"], "MetricName": given["MetricName"]}
    metric |= {"Dimensions": list(given.get("Dimensions") or ())}
    stat: dict[str, Any] = {"Metric": metric, "Period": int(given["Period"]), "Stat": simple or extended}
    stat |= {"Unit": given["Unit"]} if given.get("Unit") else {}
    return ({"Id": "m1", "MetricStat": stat, "ReturnData": True},), "m1", str(simple or extended)


def _queries(given: Given) -> tuple[tuple[Query, ...], str, str]:
    if both := [one for one in SINGLE if given.get(one)]:
        raise Refused(f"{', '.join(both)} cannot be given together with Metrics")
    queries: tuple[Query, ...] = tuple(given["Metrics"])
    ids = [str(one.get("Id", "")) for one in queries]
    if wrong := [one for one in ids if not ID.fullmatch(one) or ids.count(one) > 1]:
        raise Refused(f"the Id {wrong[0]!r} is no name of one metric alone, such as m1")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise Refused(f"{query['Id']} must have either MetricStat or Expression")
        if SEARCH.search(str(query.get("Expression", ""))):
            raise Refused(f"{query['Id']}: SEARCH cannot be used in an alarm")
    metrics = sum("MetricStat" in one for one in queries)
    if metrics > METRICS or len(queries) - metrics > EXPRESSIONS:
        raise Refused(f"an alarm has at most {METRICS} metrics and {EXPRESSIONS} expressions")
    band = given.get("ThresholdMetricId")
    returned = [one["Id"] for one in queries if one.get("ReturnData", True) and one["Id"] != band]
    if len(returned) != 1:
        raise Refused(f"exactly one of the Metrics must return data, not {len(returned)}: {', '.join(returned)}")
    return queries, returned[0], ""


def _period(queries: Sequence[Query], watched: str) -> int:
    """Return the period of the datapoints, which all metrics of an alarm share."""
    found = {int(one["MetricStat"]["Period"]) for one in queries if "MetricStat" in one}
    found |= {int(one["Period"]) for one in queries if one.get("Period")}
    if len(found) != 1:
        told = f"not {', '.join(map(str, sorted(found)))}" if found else "and none is given"
        raise Refused(f"the metrics of an alarm must have the same Period, {told}: {watched}")
    [period] = found
    if period not in (10, 20, 30) and (period < MINUTE or period % MINUTE):
        raise Refused(f"Period must be 10, 20, 30 or a multiple of 60, not {period}")
    return period


def _terms(given: Given, period: int, queries: Sequence[Query]) -> Terms:
    periods = int(given.get("EvaluationPeriods") or 0)
    enough = int(given.get("DatapointsToAlarm") or periods)
    if not 1 <= enough <= periods:
        raise Refused(f"DatapointsToAlarm must be 1 to EvaluationPeriods, not {enough} of {periods}")
    most, side = (DAY, "< 3600") if period < HOUR else (WEEK, ">= 3600")
    if period * periods > most:
        raise Refused(
            f"Metrics cannot be checked across more than a {'day' if most == DAY else 'week'} "
            f"(EvaluationPeriods * Period must be <= {most}) for alarms using period {side}"
        )
    if (low := given.get("EvaluateLowSampleCountPercentile") or "evaluate") not in ("evaluate", "ignore"):
        raise Refused(f"EvaluateLowSampleCountPercentile must be evaluate or ignore, not {low!r}")
    if (missing := given.get("TreatMissingData") or "missing") not in TREATS:
        raise Refused(f"TreatMissingData must be one of {', '.join(TREATS)}, not {missing!r}")
    spaces = {one["MetricStat"]["Metric"]["Namespace"] for one in queries if "MetricStat" in one}
    if IGNORING in spaces:
        missing = "ignore"
    return Terms(given["ComparisonOperator"], float(given["Threshold"]), periods, enough, missing)


def _samples(statistic: str) -> float:
    """Return how many samples make a percentile significant, as CloudWatch says it; 0 for another statistic."""
    if not (match := PERCENTILE.fullmatch(statistic)):
        return 0.0
    share = float(match[1]) / 100
    beyond = 1 - share if share >= 0.5 else share
    # Rounded, since 1 - 0.9 is a little less than 0.1.
    return round(10 / beyond, 6) if beyond else 0.0
