"""What is derived of an objective: names, texts, tags, rules and expressions, and what CloudWatch takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.alerts.sources.alarm import ADDRESS, children
from chalicelib.model import ParapetError
from chalicelib.services.model import Counts, Down, Metric, Objective, Percent, Shortfall, Sli, Under
from chalicelib.slo import alarms
from chalicelib.slo.alarms import Resources, Told
from local.cloudwatch.definition import composite_alarm, metric_alarm
from tests.slo.incidents import indicator, objective

TO = Told("alerts", "pages")
RUNBOOK = "https://wiki.example.com/shop?page=1"
DERIVED = alarms.resources(objective(absent=600), indicator(), "prod", TO, RUNBOOK)
BY_NAME: dict[str, Any] = {
    one["Properties"]["AlarmName"].removeprefix("parapet-prod-shop-availability-"): one for one in DERIVED.values()
}
SERIES = Metric("AWS/ApiGateway", "Latency", (("ApiName", "shop"), ("Stage", "prod")))
CHILDREN = ("1h", "5m", "6h", "30m", "1d", "2h", "3d", "6h-slow")


def own(name: str) -> dict[str, Any]:
    return dict(BY_NAME[name]["Properties"])


def tags(name: str) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in own(name)["Tags"]}


def test_are_eight_that_tell_nobody_and_four_that_do() -> None:
    assert set(BY_NAME) == {*CHILDREN, "page", "ticket", "absent", "unheard"}
    assert all(not {"AlarmActions", "OKActions", "InsufficientDataActions"} & set(own(one)) for one in CHILDREN)
    told = {one: (own(one)["AlarmActions"], own(one)["OKActions"]) for one in BY_NAME if one not in CHILDREN}
    assert told == {
        "page": (["alerts"], ["alerts"]), "ticket": (["alerts"], ["alerts"]), "absent": (["alerts"], ["alerts"]),
        "unheard": (["pages"], ["pages"]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "window", "factor"),
    [("1h", 3600, 14.4), ("5m", 300, 14.4), ("6h", 21600, 6), ("30m", 1800, 6), ("1d", 86400, 3), ("2h", 7200, 3),
     ("3d", 259200, 1), ("6h-slow", 21600, 1)],
)  # fmt: skip
def test_each_window_is_one_period(name: str, window: int, factor: float) -> None:
    found = own(name)
    assert {one["MetricStat"]["Period"] for one in found["Metrics"] if "MetricStat" in one} == {window}
    assert (found["Threshold"], found["ComparisonOperator"]) == (factor, "GreaterThanThreshold")
    assert (found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (1, 1)
    assert found["TreatMissingData"] == "notBreaching"
    assert [one["Id"] for one in found["Metrics"] if one["ReturnData"]] == ["burn"]


def test_expressions_gate_the_long_windows_and_never_divide_by_zero() -> None:
    long, short = (own(name)["Metrics"][-1]["Expression"] for name in ("1h", "5m"))
    assert long == "IF(bad >= 4.5, bad, 0) / IF(total > 0, total, 1) / 0.001"
    assert short == "bad / IF(total > 0, total, 1) / 0.001"


def test_rules() -> None:
    p = "parapet-prod-shop-availability"
    page = f'(ALARM("{p}-1h") AND ALARM("{p}-5m")) OR (ALARM("{p}-6h") AND ALARM("{p}-30m"))'
    ticket = f'(ALARM("{p}-1d") AND ALARM("{p}-2h")) OR (ALARM("{p}-3d") AND ALARM("{p}-6h-slow"))'
    assert own("page")["AlarmRule"] == page
    assert own("ticket")["AlarmRule"] == f'({ticket}) AND NOT ALARM("{p}-page")'
    assert own("unheard")["AlarmRule"] == (
        f'(ALARM("{p}-page") OR ALARM("{p}-absent")) AND ALARM("parapet-prod-unhealthy")'
    )


def named(found: Resources) -> dict[str, dict[str, Any]]:
    made = (one["Properties"] for one in found.values())
    return {one["AlarmName"].removeprefix("parapet-prod-shop-availability-"): one for one in made}


def test_what_the_windows_cannot_tell_tells_nobody_itself_but_the_page_asks_it() -> None:
    """A target group's requests without a target, and CloudFront's percentages."""
    p = "parapet-prod-shop-availability"
    down = Down(SERIES, replace(SERIES, name="Refused"))
    behind = named(alarms.resources(objective(), Counts((SERIES,), (SERIES,)), "prod", TO, down=down))
    assert set(behind) == {*CHILDREN, "down", "page", "ticket", "unheard"}
    assert behind["page"]["AlarmRule"].endswith(f'AND ALARM("{p}-30m")) OR ALARM("{p}-down")')
    assert behind["ticket"]["AlarmRule"] == own("ticket")["AlarmRule"]
    assert "Or nothing is left to answer for 5m, and is missed." in behind["page"]["AlarmDescription"]
    far = named(alarms.resources(objective(), Percent(SERIES, SERIES), "prod", TO))
    assert set(far) == {*CHILDREN, "minutes", "minutes-slow", "page", "ticket", "unheard"}
    page, ticket = own("page")["AlarmRule"], own("ticket")["AlarmRule"].removesuffix(f' AND NOT ALARM("{p}-page")')
    assert far["page"]["AlarmRule"] == f'(({page}) AND ALARM("{p}-minutes"))'
    assert far["ticket"]["AlarmRule"] == f'(({ticket} AND ALARM("{p}-minutes-slow"))) AND NOT ALARM("{p}-page")'
    for one in (behind["down"], far["minutes"], far["minutes-slow"]):
        assert "AlarmActions" not in one
        assert one["AlarmName"].removeprefix(f"{p}-") in alarms.SILENT
    terms = ("DatapointsToAlarm", "EvaluationPeriods", "Threshold")
    assert [far["minutes"][one] for one in terms] == [5, 30, 6]
    assert [far["minutes-slow"][one] for one in terms] == [5, 360, 1]
    # Five alarmed minutes together have as many bad requests as it takes to wake somebody, of three as many as few.
    assert far["minutes"]["Metrics"][-1]["Expression"] == "IF(bad >= 0.9, bad, 0) / IF(total > 0, total, 1) / 0.001"
    few = named(alarms.resources(objective(few=3), Percent(SERIES, SERIES), "prod", TO))
    assert few["minutes"]["DatapointsToAlarm"] == 3


def test_composites_wait_for_all_that_their_rules_name_but_parapets_own() -> None:
    for name in ("page", "ticket", "unheard"):
        named = {one.split(":alarm:")[1] for one in children(own(name)["AlarmRule"], "arn:aws:cloudwatch:r:a:alarm:x")}
        before = {DERIVED[one]["Properties"]["AlarmName"] for one in BY_NAME[name]["DependsOn"]}
        assert named - before <= {"parapet-prod-unhealthy"}
        assert before <= named


def test_tags_say_how_bad_it_is_and_of_which_objective() -> None:
    common = {"service": "shop", "objective": "shop-availability"}
    assert tags("page") == tags("absent") == tags("unheard") == {**common, "severity": "critical"}
    assert tags("ticket") == {**common, "severity": "medium"}
    assert tags("1h") == common
    for name in ("page", "ticket", "absent", "unheard"):
        assert own(name)["ActionConfiguration"] == {"AlarmTagsPropagation": {"Enabled": True}}


def test_texts_say_what_it_means_and_where_to_read_on() -> None:
    assert own("page")["AlarmDescription"] == (
        "The error budget of shop-availability (99.9 % good over 30 days) is being spent too fast: 2 % within 1h, or "
        "5 % within 6h, and it goes on. At that rate all of the month's budget is gone in 50 h, or 5 days. "
        f"Runbook: {RUNBOOK}. See docs/objectives.md#page"
    )
    for name in BY_NAME:
        assert len(own(name)["AlarmDescription"]) <= 1024
    for name in ("page", "ticket", "absent", "unheard"):
        match = ADDRESS.search(own(name)["AlarmDescription"])
        assert match is not None
        # The alert engine takes the runbook from the description.
        assert match[0].rstrip(".") == RUNBOOK


def test_cost() -> None:
    # Eight burn alarms and the absent one on three metrics each, three composites.
    assert alarms.cost(DERIVED.values()) == pytest.approx(9 * 3 * 0.10 + 3 * 0.50)
    assert alarms.cost(alarms.resources(objective(), indicator(), "prod", TO).values()) == pytest.approx(3.90)
    # One more on two metrics, or two.
    group = alarms.resources(objective(), Counts((SERIES,), (SERIES,)), "prod", TO, down=Down(SERIES, SERIES))
    assert alarms.cost(group.values()) == pytest.approx(8 * 0.10 + 2 * 0.10 + 3 * 0.50)
    percent = Percent(SERIES, replace(SERIES, name="Requests"))
    assert alarms.cost(alarms.resources(objective(), percent, "prod", TO).values()) == pytest.approx(3.50)


def test_elsewhere_they_have_no_topics_and_no_page_without_parapet() -> None:
    found = alarms.resources(objective(), indicator(), "prod", Told())
    assert not [one for one in found.values() if "AlarmActions" in one["Properties"]]
    assert not [one for one in found.values() if one["Properties"]["AlarmName"].endswith("unheard")]


EACH: list[Sli] = [
    Counts((SERIES,), (SERIES, SERIES)),
    Shortfall(SERIES, SERIES),
    Percent(SERIES, SERIES),
    Under(Metric(SERIES.namespace, SERIES.name, SERIES.dimensions, "PR(:300)"), SERIES),
]


@pytest.mark.parametrize("one", EACH, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("down", [None, Down(SERIES, SERIES), Down(SERIES, SERIES, standing=True)])
def test_cloudwatch_takes_those_of_every_indicator(one: Sli, down: Down | None) -> None:
    taken: dict[str, tuple[str, ...]] = {"parapet-prod-unhealthy": ()}
    for made in alarms.resources(objective(absent=300), one, "prod", TO, down=down).values():
        properties = made["Properties"]
        if "AlarmRule" in properties:
            taken[properties["AlarmName"]] = composite_alarm(properties, taken).rule.children
        else:
            alarm = metric_alarm(properties)
            taken[alarm.name] = ()
            assert alarm.hourly is alarm.name.endswith("-3d")


def test_too_many_metrics_are_refused_by_name() -> None:
    many = tuple(Metric("Shop", f"m{number}") for number in range(10))
    with pytest.raises(ParapetError, match="shop-availability: it takes 11 metrics to tell, and an alarm"):
        alarms.resources(objective(), Counts((SERIES,), many), "prod", TO)


def test_two_objectives_never_share_a_name_or_an_id() -> None:
    """Names that look alike without their dashes, or that end like an alarm."""
    names = [("a", "b-c"), ("a-b", "d"), ("ab", "c"), ("a", "bc"), ("a", "6h"), ("a", "6h-slow"),
             ("a", "page"), ("a", "1"), ("a1", "x")]  # fmt: skip
    logical: list[str] = []
    called: list[str] = []
    for service, name in names:
        one = Objective(service, name, "availability", absent=300)
        found = alarms.resources(one, indicator(), "prod", TO)
        logical += found
        called += [each["Properties"]["AlarmName"] for each in found.values()]
    assert len(set(logical)) == len(logical) == 12 * len(names)
    assert len(set(called)) == len(called)
    assert all(one.isalnum() for one in logical)


def test_longest_names_fit() -> None:
    one = Objective("s" * 40, "n" * 40, "latency", under=0.3)
    far = Percent(SERIES, replace(SERIES, name="Requests"))
    runbook = "https://wiki.example.com/" + "x" * 900
    found = alarms.resources(one, far, "twenty-letters-long1", TO, runbook, Down(SERIES, SERIES))
    found |= alarms.mirrored(one, far, "twenty-letters-long1", TO, ("b" * 64, "e" * 64), runbook)
    for id_, made in found.items():
        # CloudFormation's ids, CloudWatch's names and texts, and what of them our own rules name.
        assert len(id_) <= 255
        assert len(made["Properties"]["AlarmName"]) <= 130
        assert len(made["Properties"]["AlarmDescription"]) <= 1024
    assert len(json.dumps(found)) < 40_000
