"""The alarms of an objective, as CloudFormation has them: they page without any function of ours.

Each speed of `burn.SPEEDS` has an alarm over its long window and one over its short one; what tells people are
composites of them: a page, and a ticket while there is no page. Each looks at a single period as long as its window,
which CloudWatch slides along every minute (every hour, where it is longer than a day). A window in which too few
requests were bad is none in which anything burns, and neither is one without traffic: nights are quiet. Where there
always are requests, an objective may say so (`absent`), and that there are none is an alarm of its own.

Two things the windows cannot tell have alarms of their own, which the composites ask: that nothing is left to answer,
where refused requests are in no count; and, where a percentage is all that is published, that enough requests failed:
over a window CloudWatch averages it, a quiet minute as much as a busy one, and is right about each single minute only.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model import DAY, ParapetError
from chalicelib.services import sli
from chalicelib.services.model import Down, Metric, Objective, Percent, Sli
from chalicelib.services.sli import Expressed
from chalicelib.slo import sentence
from chalicelib.slo.burn import MINUTE, SPEEDS, Level, Speed, least, length

Resources = dict[str, dict[str, Any]]
# What CloudWatch takes in one alarm.
MOST_METRICS, DESCRIPTION = 10, 1024
# The window of the last speed has the length of another speed's.
SUFFIXES = {(3, "short"): "6h-slow"}
SEVERITY: Mapping[Level, str] = {"page": "critical", "ticket": "medium"}
# What the alarm is called that is on while the page is that is in another region.
MIRROR = "page-there"
# Nothing was left to answer for so long.
DOWN, GONE = "down", 5 * MINUTE
# The alarms on single minutes: of how many that many at most must have been bad, one by one.
BY_MINUTE: Mapping[Level, str] = {"page": "minutes", "ticket": "minutes-slow"}
OF, ENOUGH = {level: max(one.short for one in SPEEDS if one.level == level) // MINUTE for level in SEVERITY}, 5
PRICE_METRIC, PRICE_COMPOSITE = 0.10, 0.50


@dataclass(frozen=True, slots=True)
class Told:
    """Where alarms tell what they have to say, as CloudFormation refers to it.

    Args:
        alerts: the topic that wakes Parapet; None in a region where it is not, which has a rule for that.
        pages: the topic that reaches people without Parapet; None likewise.
    """

    alerts: Any = None
    pages: Any = None


def resources(
    objective: Objective, indicator: Sli, stage: str, to: Told, runbook: str = "", down: Down | None = None
) -> Resources:
    """Return the alarms of an objective by their logical ids; raises ParapetError where CloudWatch takes none such.

    Args:
        objective: what is promised.
        indicator: what counts for it.
        stage: of the Parapet that they belong to.
        to: where they tell it.
        runbook: where people read what to do.
        down: how it shows that nothing is left to answer, where `indicator` does not count what is refused then.
    """
    expressed = sli.expressed(indicator)
    if len(expressed.metrics) > MOST_METRICS:
        raise ParapetError(
            f"{objective.id}: it takes {len(expressed.metrics)} metrics to tell, and an alarm of CloudWatch's takes "
            f"{MOST_METRICS}"
        )
    own = _Alarms(objective, expressed, stage, to, runbook, down, isinstance(indicator, Percent))
    found: Resources = {}
    for number, speed in enumerate(SPEEDS):
        found |= own.child(speed, number, "long") | own.child(speed, number, "short")
    found |= own.by_minute("page") | own.by_minute("ticket") | own.down_for(GONE)
    found |= own.composite("page") | own.composite("ticket")
    found |= own.absent() if objective.absent else {}
    heard = ["page", *(["absent"] if objective.absent else [])]
    return found | (own.unheard(heard) if to.pages is not None else {})


def mirrored(
    objective: Objective, indicator: Sli, stage: str, to: Told, rules: tuple[str, str], runbook: str = ""
) -> Resources:
    """Return what pages without Parapet for an objective whose alarms are in another region than Parapet.

    A composite alarm knows alarms of its own region only. The page's changes come as events; a rule here counts those
    that begin it and one those that end it, and an alarm keeps the state that they leave.

    Args:
        objective: what is promised.
        indicator: what counts for it.
        stage: of the Parapet that it belongs to.
        to: where it is told.
        rules: the names of those two rules.
        runbook: where people read what to do.
    """
    own = _Alarms(objective, sli.expressed(indicator), stage, to, runbook)
    return own.mirror(*rules) | own.unheard([MIRROR])


def name(stage: str, objective: str, suffix: str) -> str:
    """Return what an alarm is called: `suffix` is page, ticket, absent, unheard, or a window."""
    return f"parapet-{stage}-{objective}-{suffix}"


def suffix(number: int, which: str) -> str:
    """Return how the alarm over a window ends: the window's length."""
    speed = SPEEDS[number]
    window = speed.long if which == "long" else speed.short
    return SUFFIXES.get((number, which), length(window))


# Its alarms that tell people, by way of Parapet.
TELLING = ("page", "ticket", "absent")
# Its alarms that tell nobody: the windows that its composites are made of, and what only stands for another.
SILENT = (
    *dict.fromkeys(suffix(number, which) for number in range(len(SPEEDS)) for which in ("long", "short")),
    *BY_MINUTE.values(), DOWN, MIRROR,
)  # fmt: skip


def logical(objective: str, suffix: str) -> str:
    """Return an alarm's id within its template, which has no room for dashes: two names never share one."""
    digest = hashlib.sha256(objective.encode()).hexdigest()[:8]
    return "".join(part.capitalize() for part in f"{objective}-{digest}-{suffix}".split("-"))


def cost(alarms: Iterable[Mapping[str, Any]]) -> float:
    """Return what alarms cost in a month, in dollars at the list price of most regions."""
    total = 0.0
    for one in alarms:
        if one["Type"] == "AWS::CloudWatch::CompositeAlarm":
            total += PRICE_COMPOSITE
        elif one["Type"] == "AWS::CloudWatch::Alarm":
            total += PRICE_METRIC * sum("MetricStat" in part for part in one["Properties"]["Metrics"])
    return round(total, 2)


@dataclass(frozen=True, slots=True)
class _Alarms:
    objective: Objective
    expressed: Expressed
    stage: str
    to: Told
    runbook: str
    down: Down | None = None
    averaged: bool = False

    def child(self, speed: Speed, number: int, which: str) -> Resources:
        """Return the alarm over one window, which tells nobody."""
        objective = self.objective
        window = speed.long if which == "long" else speed.short
        bad = f"IF(bad >= {_plain(least(objective))}, bad, 0)" if which == "long" else "bad"
        # Where there is no traffic, nothing is bad either: zero of one, and no division by zero.
        burn = f"{bad} / IF(total > 0, total, 1) / {_plain(objective.budget)}"
        factor = speed.factor(objective.days)
        text = (
            f"The burn rate of {self._whole()} is above {factor:g} over {length(window)}. This alarm tells nobody: "
            f"{self._name(speed.level)} does, when a long window and its short one agree."
        )
        queries = [*self._counted(window), _query("burn", burn, f"burn rate over {length(window)}", returned=True)]
        return self._metric(suffix(number, which), text, queries, "GreaterThanThreshold", factor, "notBreaching", {})

    def composite(self, level: Level) -> Resources:
        """Return the alarm that tells people of one level."""
        ends = [
            (suffix(number, "long"), suffix(number, "short"))
            for number, speed in enumerate(SPEEDS)
            if speed.level == level
        ]
        rule = " OR ".join(f'(ALARM("{self._name(long)}") AND ALARM("{self._name(short)}"))' for long, short in ends)
        needed = [end for pair in ends for end in pair]
        if self.averaged:
            rule, needed = f'(({rule}) AND ALARM("{self._name(BY_MINUTE[level])}"))', [*needed, BY_MINUTE[level]]
        if level == "page" and self.down:
            rule, needed = f'{rule} OR ALARM("{self._name(DOWN)}")', [*needed, DOWN]
        if level == "ticket":
            # A page says it all.
            rule, needed = f'({rule}) AND NOT ALARM("{self._name("page")}")', [*needed, "page"]
        return self._composite(level, self._meaning(level), rule, needed, SEVERITY[level], self.to.alerts)

    def by_minute(self, level: Level) -> Resources:
        """Return the alarm on single minutes in which too many failed, where only those are counted as they were."""
        if not self.averaged:
            return {}
        objective, many = self.objective, min(self.objective.few, ENOUGH)
        lowest = min(speed.factor(objective.days) for speed in SPEEDS if speed.level == level)
        burn = f"IF(bad >= {_plain(least(objective) / many)}, bad, 0) / IF(total > 0, total, 1)"
        text = (
            f"In {many} of the last {OF[level]} minutes the burn rate of {self._whole()} was above {lowest:g}, each "
            f"taken by itself. This alarm tells nobody: {self._name(level)} does, when the windows agree."
        )
        expression = f"{burn} / {_plain(objective.budget)}"
        queries = [*self._counted(MINUTE), _query("burn", expression, "burn rate of a minute", returned=True)]
        end, minutes = BY_MINUTE[level], (many, OF[level])
        return self._metric(end, text, queries, "GreaterThanThreshold", lowest, "notBreaching", {}, minutes)

    def down_for(self, window: int) -> Resources:
        """Return the alarm on requests that are refused while nothing is left that could answer them."""
        if self.down is None:
            return {}
        enough, period, minutes = self.objective.few, window, 1
        missed = f"at least {enough} requests were refused"
        if self.down.standing:
            # Minute by minute: what has just been wanted may take some to begin.
            enough, period, minutes, missed = 1, MINUTE, window // MINUTE, "there should have been"
        text = (
            f"For {length(window)} nothing behind {self.objective.service} was left to answer, and {missed}: what "
            "meets nobody is in no count of it, so that its budget does not show it. This alarm tells nobody: "
            f"{self._name('page')} does."
        )
        queries = [
            self.down.healthy.query("healthy", period),
            self.down.missed.query("missed", period),
            # Where nothing is registered, nothing is published about it.
            _query("down", "IF(FILL(healthy, 0) < 1, FILL(missed, 0), 0)", "missed, none healthy", returned=True),
        ]
        comparison, periods = "GreaterThanOrEqualToThreshold", (minutes, minutes)
        return self._metric(DOWN, text, queries, comparison, enough, "notBreaching", {}, periods)

    def absent(self) -> Resources:
        """Return the alarm on requests that no longer come, where some always do."""
        objective = self.objective
        text = (
            f"No request has reached {objective.service} for {length(objective.absent)}, and the settings say that "
            "there always are some: users may not get as far as its entry, where errors would be counted. Look at DNS, "
            f"certificates, what is in front of it, and the last deployment.{self._further('absent')}"
        )
        queries = self._counted(objective.absent)
        queries[-1]["ReturnData"] = True
        return self._metric(
            "absent",
            text,
            queries,
            "LessThanOrEqualToThreshold",
            0,
            "breaching",
            self._tells("critical", self.to.alerts),
        )

    def mirror(self, begins: str, ends: str) -> Resources:
        """Return the alarm that is on while the page is on that is in another region."""
        text = f"{self._name('page')} is on in another region. This alarm tells nobody: {self._name('unheard')} does."
        rules = {"begun": begins, "ended": ends}
        counts = [
            Metric("AWS/Events", "TriggeredRules", (("RuleName", rule),)).query(id_, MINUTE)
            for id_, rule in rules.items()
        ]
        # A minute without either, or with as many of both, has no value and leaves the alarm as it is: what began and
        # ended within it is over, and what ended and began anew is still on.
        queries = [*counts, _query("on", "IF(begun != ended, begun - ended)", "begun", returned=True)]
        return self._metric(MIRROR, text, queries, "GreaterThanThreshold", 0, "ignore", {})

    def unheard(self, ends: Sequence[str]) -> Resources:
        """Return the alarm that pages over the plain topic while Parapet, which would have paged, is not well."""
        loud = " OR ".join(f'ALARM("{self._name(end)}")' for end in ends)
        unwell = f"parapet-{self.stage}-unhealthy"
        rule = f'{f"({loud})" if len(ends) > 1 else loud} AND ALARM("{unwell}")'
        text = (
            f"{' or '.join(map(self._name, ends))} is on while Parapet is not well, and may not have told anybody."
            f"{self._further('unheard')}"
        )
        return self._composite("unheard", text, rule, ends, "critical", self.to.pages)

    def _meaning(self, level: Level) -> str:
        speeds = [speed for speed in SPEEDS if speed.level == level]
        days = self.objective.days
        spent = ", or ".join(f"{100 * speed.spent:g} % within {length(speed.long)}" for speed in speeds)
        gone = ", or ".join(sentence.lasting(days * DAY / speed.factor(days)) for speed in speeds)
        down = (
            f" Or nothing is left to answer for {length(GONE)}, and is missed." if level == "page" and self.down else ""
        )
        return (
            f"The error budget of {self._whole()} is being spent too fast: {spent}, and it goes on. At that rate all "
            f"of the {sentence.possessive(days)} budget is gone in {gone}.{down}{self._further(level)}"
        )

    def _whole(self) -> str:
        objective = self.objective
        good = f" under {objective.under:g} s" if objective.under is not None else ""
        return f"{objective.id} ({objective.goal:g} % good{good} over {objective.days} days)"

    def _further(self, section: str) -> str:
        runbook = f" Runbook: {self.runbook}." if self.runbook else ""
        return f"{runbook} See docs/objectives.md#{section}"

    def _name(self, end: str) -> str:
        return name(self.stage, self.objective.id, end)

    def _counted(self, window: int) -> list[dict[str, Any]]:
        parts = [metric.query(id_, window) for id_, metric in self.expressed.metrics.items()]
        return [*parts, _query("bad", self.expressed.bad, "bad"), _query("total", self.expressed.total, "all")]

    def _metric(
        self, end: str, text: str, queries: list[dict[str, Any]], comparison: str, threshold: float, missing: str,
        tells: Mapping[str, Any], periods: tuple[int, int] = (1, 1),
    ) -> Resources:  # fmt: skip
        properties = {
            "AlarmName": self._name(end),
            "AlarmDescription": text[:DESCRIPTION],
            "Metrics": queries,
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods[1],
            "DatapointsToAlarm": periods[0],
            "TreatMissingData": missing,
            **(tells or {"Tags": self._tags()}),
        }
        return {logical(self.objective.id, end): {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}

    def _composite(self, end: str, text: str, rule: str, needed: Iterable[str], severity: str, topic: Any) -> Resources:
        properties = {
            "AlarmName": self._name(end),
            "AlarmDescription": text[:DESCRIPTION],
            "AlarmRule": rule,
            **self._tells(severity, topic),
        }
        # A composite alarm cannot be made before those that it names.
        before = [logical(self.objective.id, one) for one in needed]
        made = {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": before, "Properties": properties}
        return {logical(self.objective.id, end): made}

    def _tells(self, severity: str, topic: Any) -> dict[str, Any]:
        actions = {"AlarmActions": [topic], "OKActions": [topic]} if topic is not None else {}
        tagged = {"AlarmTagsPropagation": {"Enabled": True}}
        return {**actions, "ActionConfiguration": tagged, "Tags": self._tags(severity)}

    def _tags(self, severity: str = "") -> list[dict[str, str]]:
        tags = {"service": self.objective.service, "objective": self.objective.id}
        tags |= {"severity": severity} if severity else {}
        return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _plain(number: float) -> str:
    # Metric math is documented without exponents.
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _query(id_: str, expression: str, label: str, *, returned: bool = False) -> dict[str, Any]:
    return {"Id": id_, "Expression": expression, "Label": label, "ReturnData": returned}
