"""A path without us: what pages when Parapet itself may be deaf or dumb, and that a healthy Parapet never does."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from chalicelib import paging
from chalicelib.section import Section, SettingsError
from cli.checkup import alerts
from deploy.resources import alarms
from deploy.resources.topics import resources as topics
from tests.deploy.alarm_rules import State, children, holds
from tests.deploy.deployed import CFN, FUNCTIONS, KNOWN, RESOURCES, SAM, of, said
from tests.samples import ACCOUNT, REGION

OWN = {said(one["AlarmName"]): one for one in of("AWS::CloudWatch::Alarm").values()}
COMPOSITES = of("AWS::CloudWatch::CompositeAlarm")
RULE = said(COMPOSITES["UnhealthyAlarm"]["AlarmRule"])
WELL: dict[str, State] = dict.fromkeys(OWN, "OK")
TELLING = {
    f"parapet-test-{one}"
    for one in (
        "silence", "alerts-stuck", "slack-stuck", "pagerduty-stuck", "email-stuck", "alerts-dead-letters",
        "slack-dead-letters", "pagerduty-dead-letters", "email-dead-letters", "alert-failing", "timer-failing",
        "timer-lost", "notify-failing", "notify-pagerduty-failing", "notify-email-failing",
    )
}  # fmt: skip
CHECKOUT = "checkout 5xx (eu)"


def paged(*names: str) -> dict[str, Any]:
    """The composites that page for people's own alarms, as properties."""
    found = alarms.resources(FUNCTIONS, SAM["Resources"], names)
    composites = {name: one["Properties"] for name, one in found.items() if "AlarmRule" in one["Properties"]}
    return {name: one for name, one in composites.items() if name != alarms.UNWELL}


class TestUnhealthy:
    @pytest.mark.parametrize("name", OWN)
    def test_is_each_alarm_of_what_tells_people_and_no_other(self, name: str) -> None:
        assert holds(RULE, {**WELL, name: "ALARM"}) is (name in TELLING)

    def test_a_parapet_that_is_well_pages_nobody(self) -> None:
        assert not holds(RULE, WELL)
        # So does one whose guards and digests fail, and that is slow: of that it tells itself.
        assert not holds(RULE, {name: "OK" if name in TELLING else "ALARM" for name in OWN})

    def test_looks_at_all_of_these(self) -> None:
        assert set(children(RULE)) == TELLING <= set(OWN)

    def test_is_within_what_cloudwatch_takes(self) -> None:
        named = children(RULE)
        assert len(named) == len(set(named)) <= 100
        # With a stage of twenty letters.
        assert len(RULE) + 16 * len(named) <= 10_240
        assert set(named) <= set(OWN)

    @pytest.mark.parametrize("name", COMPOSITES)
    def test_tells_the_page_topic_alone_when_it_begins_and_when_it_is_over(self, name: str) -> None:
        one = COMPOSITES[name]
        assert one["AlarmActions"] == one["OKActions"] == [{"Ref": "PageTopic"}]
        assert len(said(one["AlarmDescription"])) <= 1024


class TestPages:
    @pytest.mark.parametrize(("page", "unwell"), list(itertools.product((True, False), repeat=2)))
    def test_are_for_when_an_alarm_is_on_and_parapet_is_not_well(self, page: bool, unwell: bool) -> None:
        [one] = paged(CHECKOUT).values()
        rule = said_with(one["AlarmRule"])
        states: dict[str, State] = {
            CHECKOUT: "ALARM" if page else "OK",
            "parapet-test-unhealthy": "ALARM" if unwell else "OK",
        }
        assert holds(rule, states) is (page and unwell)
        assert children(rule) == [CHECKOUT, "parapet-test-unhealthy"]

    def test_have_a_name_of_their_own_stage_and_tell_the_page_topic(self) -> None:
        found = paged(CHECKOUT, "other")
        assert {said_with(one["AlarmName"]) for one in found.values()} == {
            f"parapet-test-page-{CHECKOUT}", "parapet-test-page-other",
        }  # fmt: skip
        assert all(one["AlarmActions"] == one["OKActions"] == [{"Ref": "PageTopic"}] for one in found.values())

    def test_there_is_none_unless_the_settings_name_it(self) -> None:
        assert set(COMPOSITES) == {"UnhealthyAlarm"}


def said_with(value: Any) -> Any:
    """A part of the template in which the alarms stand under their names."""
    text = value["Fn::Sub"].replace("${UnhealthyAlarm}", "parapet-test-unhealthy")
    return said({"Fn::Sub": text})


class TestTopic:
    def test_cloudwatch_alone_may_publish(self) -> None:
        policy = said(RESOURCES["PageTopicPolicy"]["Properties"]["PolicyDocument"])
        ours = {"aws:sourceaccount": ACCOUNT, "aws:sourcearn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:any"}
        theirs = {key: value.replace(ACCOUNT, "210987654321") for key, value in ours.items()}
        topic = KNOWN["PageTopic"]
        assert alerts.admits(policy, "cloudwatch.amazonaws.com", "sns:Publish", topic, ours)
        assert not alerts.admits(policy, "cloudwatch.amazonaws.com", "sns:Publish", topic, theirs)
        for service in ("budgets.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com"):
            assert not alerts.admits(policy, service, "sns:Publish", topic, ours)

    def test_no_function_of_ours_stands_between(self) -> None:
        found = {
            name: one for name, one in of("AWS::SNS::Subscription").items() if one["TopicArn"] == {"Ref": "PageTopic"}
        }
        assert {one["Protocol"] for one in found.values()} == {"email", "https"}
        assert {RESOURCES[name]["Condition"] for name in found} == {"HasPageEmail", "HasPagerDutyUrl"}
        assert CFN["Parameters"]["PagerDutyUrl"]["NoEcho"] is True

    def test_alerts_come_in_their_envelope_and_are_kept_where_the_queue_does_not_take_them(self) -> None:
        one = of("AWS::SNS::Subscription")["AlertSubscription"]
        assert "RawMessageDelivery" not in one
        assert one["Endpoint"] == {"Fn::GetAtt": ["AlertQueue", "Arn"]}
        context = {"aws:sourcearn": KNOWN["AlertTopic"]}
        for queue in ("AlertQueue", "AlertDeadLetters"):
            document = said(RESOURCES[f"{queue}Policy"]["Properties"]["PolicyDocument"])
            arn = KNOWN[f"{queue}.Arn"]
            assert alerts.admits(document, "sns.amazonaws.com", "sqs:SendMessage", arn, context)
            other = {"aws:sourcearn": KNOWN["FailuresTopic"]}
            assert not alerts.admits(document, "sns.amazonaws.com", "sqs:SendMessage", arn, other)


class TestAddresses:
    def test_each_gets_what_is_for_it_and_nothing_else(self) -> None:
        found = topics(["b@example.com", "a@example.com", "b@example.com"])
        subscribed = [
            one["Properties"]
            for one in found.values()
            if one["Type"] == "AWS::SNS::Subscription" and one["Properties"]["TopicArn"] == {"Ref": "EmailTopic"}
        ]
        assert [(one["Endpoint"], one["FilterPolicy"]) for one in subscribed] == [
            ("a@example.com", {"to": ["a@example.com"]}),
            ("b@example.com", {"to": ["b@example.com"]}),
        ]

    def test_that_no_route_names_are_not_subscribed(self) -> None:
        found = topics([])
        assert {"Ref": "EmailTopic"} not in [one["Properties"].get("TopicArn") for one in found.values()]


def section(**content: Any) -> Section:
    return Section(Path("parapet.toml").name, "paging", content)


class TestSettings:
    def test_without_any_nothing_pages_and_pagerduty_is_in_america(self) -> None:
        assert paging.read(section()) == paging.Paging((), "https://events.pagerduty.com/v2/enqueue")

    def test_name_alarms_and_where_pagerduty_is(self) -> None:
        found = paging.read(section(alarms=["checkout 5xx", "other", "other"], pagerduty_region="eu"))
        assert found == paging.Paging(("checkout 5xx", "other"), "https://events.eu.pagerduty.com/v2/enqueue")

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ({"alarms": ['say "hi"']}, r"paging\.alarms: .* is not the name of an alarm"),
            ({"alarms": ["${AWS::Region}"]}, r"paging\.alarms: .* is not the name of an alarm"),
            ({"alarms": ["x" * 201]}, r"paging\.alarms: .* is not the name of an alarm"),
            ({"pagerduty_region": "de"}, r"paging\.pagerduty_region: 'de' is not a region"),
            ({"alarm": []}, r"paging\.alarm is not a setting; did you mean 'alarms'"),
        ],
    )
    def test_say_what_will_not_do(self, content: dict[str, Any], text: str) -> None:
        with pytest.raises(SettingsError, match=text):
            paging.read(section(**content))


class TestEvaluator:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ('ALARM("a")', True),
            ('NOT ALARM("a") OR OK("b")', True),
            ('ALARM("a") AND ALARM("b")', False),
            ('ALARM("b") AND ALARM("b") OR ALARM("a")', True),
            ('ALARM("b") AND (ALARM("b") OR ALARM("a"))', False),
            ("TRUE AND NOT FALSE", True),
            ('INSUFFICIENT_DATA("a")', False),
        ],
    )
    def test_reads_rules_as_cloudwatch_does(self, rule: str, expected: bool) -> None:
        assert holds(rule, {"a": "ALARM", "b": "OK"}) is expected

    @pytest.mark.parametrize("rule", ['ALARM("a"', 'ALARM("a") ALARM("b")', "ALARM(a) XOR TRUE", "", "(TRUE"])
    def test_refuses_what_is_no_rule(self, rule: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            holds(rule, {"a": "ALARM", "b": "OK"})
