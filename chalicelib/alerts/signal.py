"""One report that reached us, whatever sent it, in one shape: what `parse` makes and all of the rest reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.model import Severity

# `firing` until `resolved`; `unsure` is neither (an alarm without data); `told` happened once, and has no end.
State = Literal["firing", "resolved", "unsure", "told"]
STATES: tuple[State, ...] = ("firing", "resolved", "unsure", "told")


@dataclass(frozen=True, slots=True)
class Alarm:
    """What only a CloudWatch alarm has.

    Args:
        arn: its ARN.
        kind: what it watches.
        metrics: as `GetMetricData` and a widget take them (`MetricDataQueries`); none for a composite or log alarm.
        threshold: the bound, where it is a number.
        comparison: CloudWatch's operator, such as `GreaterThanThreshold`.
        period: of its evaluation, in seconds.
        dimensions: of its metric (a single one), by name.
        children: the ARNs or names of the alarms that a composite is made of.
        reason: what CloudWatch says of the change.
        log_groups: what a log alarm watches.
    """

    arn: str
    kind: Literal["metric", "math", "anomaly", "composite", "log"]
    metrics: tuple[Mapping[str, Any], ...] = ()
    threshold: float | None = None
    comparison: str = ""
    period: int = 300
    dimensions: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    reason: str = ""
    log_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """One report; times are epoch seconds.

    Args:
        id: the same when the very same report is delivered again.
        source: what reports: `alarm`, `budget`, `anomaly`, `health`, `guardduty` …, the name of a rule of the team's,
            or `unknown`.
        fingerprint: what it is about: the same for firing and resolved, and over repeats.
        state: see STATES.
        severity: how bad it is.
        name: the alarm's, budget's … own name.
        title: what it is, in one line.
        lines: the news, the most important first.
        facts: labelled values.
        at: when it happened.
        since: when what it reports began.
        account: 12 digits; empty where it does not tell.
        region: empty where it does not tell.
        resource: which resource it is about: an ARN or an id.
        service: the workload, where a tag or the rule tells.
        tags: the resource's or alarm's, as far as the report has them.
        links: what a link says, and its address.
        alarm: what only alarms have.
        log_groups: where its service logs, as far as the report tells.
        raw: the report as it came, as JSON text, cut where it is too long.
    """

    id: str
    source: str
    fingerprint: str
    state: State
    severity: Severity
    name: str
    title: str
    lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    at: float
    since: float
    account: str = ""
    region: str = ""
    resource: str = ""
    service: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    alarm: Alarm | None = None
    log_groups: tuple[str, ...] = ()
    raw: str = ""
