"""Each source's messages, against what a person would make of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.alerts.console import page
from chalicelib.alerts.parse import parse
from chalicelib.alerts.report import fingerprint, moment
from chalicelib.alerts.signal import STATES, Signal
from chalicelib.alerts.sources.alarm import children
from chalicelib.alerts.sources.budget import amount
from chalicelib.model import SEVERITIES
from tests.alerts.corpus import CONTENT, FOLDER, RECEIVED, body, signal, wrapped

HOME = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm"
EXPECTED = [
    line.split(" | ") for line in (FOLDER / "EXPECTED.txt").read_text("utf-8").splitlines() if not line.startswith("#")
]


def test_the_table_is_about_every_message() -> None:
    assert [one[0] for one in EXPECTED] == list(CONTENT)
    assert len(EXPECTED) >= 60


@pytest.mark.parametrize(("name", "words", "what", "title"), EXPECTED, ids=CONTENT)
def test_a_message_becomes_a_signal(name: str, words: str, what: str, title: str) -> None:
    found = signal(name)
    assert [found.source, found.state, found.severity, found.name, found.title] == [*words.split(), what, title]
    assert found.state in STATES
    assert found.severity in SEVERITIES
    assert found.raw
    assert found.id
    assert found.since <= found.at <= RECEIVED
    assert found.account in ("123456789012", "210987654321")
    # Nobody reads an event to the end to learn that it could not be read.
    assert ("cannot be read" in " ".join(found.lines)) is (name.startswith("broken-") or name == "budget-translated")
    # No address holds anything that opens a door.
    assert not any(re.search("token|signature|unsubscribe", address, re.IGNORECASE) for _, address in found.links)


PAIRS = [
    ("alarm-metric-alarm", "alarm-metric-ok"),
    ("alarm-metric-alarm", "alarm-metric-insufficient"),
    ("alarm-math-alarm", "alarm-math-ok"),
    ("alarm-anomaly-alarm", "alarm-anomaly-insufficient"),
    ("alarm-composite-alarm", "alarm-composite-ok"),
    ("alarm-log-alarm", "alarm-log-ok"),
    ("alarm-event-metric", "alarm-event-ok"),
    ("alarm-event-metric", "alarm-event-deleted"),
    ("alarm-event-composite", "alarm-event-deleted-composite"),
    ("budget-actual-over", "budget-actual-over"),
    ("health-issue-open", "health-issue-closed"),
    ("health-issue-open", "health-backup-copy"),
    ("guardduty-high", "guardduty-archived"),
    ("securityhub-failed", "securityhub-passed"),
    ("securityhub-failed", "securityhub-suppressed"),
    ("securityhub-ocsf-new", "securityhub-ocsf-resolved"),
    ("access-analyzer-external", "access-analyzer-resolved"),
    ("access-analyzer-external", "access-analyzer-deleted"),
    ("inspector-active", "inspector-closed"),
    ("ecr-basic-critical", "ecr-basic-clean"),
    ("ecr-enhanced-high", "ecr-basic-clean"),
    ("ecs-deployment-failed", "ecs-deployment-completed"),
    ("ecs-placement-failure", "ecs-steady"),
    ("ecs-start-impaired", "ecs-steady"),
    ("ecs-task-exit", "ecs-steady"),
    ("ecs-task-cannot-pull", "ecs-steady"),
    ("autoscaling-launch-failed", "autoscaling-launched"),
    ("ec2-stopped", "ec2-running"),
    ("config-non-compliant", "config-compliant"),
    ("config-non-compliant", "config-gone"),
    ("insights-start", "insights-end"),
    ("codepipeline-failed", "codepipeline-succeeded"),
    ("codebuild-failed", "codebuild-succeeded"),
    ("codedeploy-failure", "codedeploy-success"),
    ("cloudformation-stuck", "cloudformation-updated"),
    ("cloudformation-drifted", "cloudformation-in-sync"),
    ("backup-failed", "backup-completed"),
]
APART = [
    ("alarm-metric-alarm", "alarm-math-alarm"),
    ("alarm-contributor", "alarm-metric-alarm"),
    ("budget-actual-over", "budget-forecasted"),
    ("ecs-deployment-failed", "ecs-steady"),
    ("cloudformation-stuck", "cloudformation-in-sync"),
    ("backup-failed", "backup-copy-failed"),
    ("autoscaling-launched", "autoscaling-terminate-failed"),
    ("rds-failover", "rds-low-storage"),
    ("insights-start", "alarm-metric-alarm"),
]


@pytest.mark.parametrize(("begin", "end"), PAIRS)
def test_what_ends_something_is_about_the_same(begin: str, end: str) -> None:
    assert signal(begin).fingerprint == signal(end).fingerprint


@pytest.mark.parametrize(("one", "other"), APART)
def test_different_things_are_told_apart(one: str, other: str) -> None:
    assert signal(one).fingerprint != signal(other).fingerprint


def test_another_account_is_another_thing() -> None:
    there = body("codepipeline-failed").replace("123456789012", "210987654321")
    assert parse(there, RECEIVED).fingerprint != signal("codepipeline-failed").fingerprint


def test_the_copy_that_health_sends_to_another_region_is_the_same_report() -> None:
    assert signal("health-backup-copy").id == signal("health-issue-open").id
    assert signal("health-issue-closed").id != signal("health-issue-open").id


class TestAlarms:
    def test_a_metric_is_what_getmetricdata_takes(self) -> None:
        alarm = signal("alarm-metric-alarm").alarm
        assert alarm is not None
        assert (alarm.kind, alarm.threshold, alarm.comparison, alarm.period) == (
            "metric", 5.0, "GreaterThanThreshold", 60
        )  # fmt: skip
        assert alarm.dimensions == {"FunctionName": "checkout"}
        assert list(alarm.metrics) == [
            {
                "Id": "m1",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": "Errors",
                        "Dimensions": [{"Name": "FunctionName", "Value": "checkout"}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
                "ReturnData": True,
            }
        ]

    def test_an_event_says_the_same_in_other_words(self) -> None:
        alarm = signal("alarm-event-metric").alarm
        assert alarm is not None
        assert (alarm.kind, alarm.threshold, alarm.metrics[0]["Id"]) == ("metric", 50.0, "m1")
        assert alarm.metrics[0]["MetricStat"]["Metric"] == {
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "InstanceId", "Value": "i-0123456789abcdef0"}],
        }

    def test_math_and_bands_keep_their_queries(self) -> None:
        math, band = signal("alarm-math-alarm").alarm, signal("alarm-anomaly-alarm").alarm
        assert math is not None
        assert band is not None
        assert [(one["Id"], one["ReturnData"]) for one in math.metrics] == [("e1", True), ("m1", False), ("m2", False)]
        assert math.metrics[0]["Expression"] == "100*m1/m2"
        assert (band.kind, band.threshold, band.metrics[1]["Id"]) == ("anomaly", None, "ad1")
        assert dict(signal("alarm-anomaly-alarm").facts)["Threshold"] == "above what is usual, 2 of 2 times"

    def test_a_composite_knows_its_children_and_which_of_them_did_it(self) -> None:
        found = signal("alarm-composite-alarm")
        assert found.alarm is not None
        assert found.alarm.children == tuple(
            f"{HOME}:{name}" for name in ("checkout-errors", "shop (latency)", "shop-error-rate", "maintenance")
        )
        assert "In alarm: checkout-errors" in found.lines
        assert fingerprint("alarm", found.alarm.children[0]) == signal("alarm-metric-alarm").fingerprint

    @pytest.mark.parametrize(
        ("rule", "names"),
        [
            ("TRUE", []),
            ("ALARM(a) AND NOT (OK(b) OR INSUFFICIENT_DATA(c))", ["a", "b", "c"]),
            ("ALARM(a)OR ALARM( a )", ["a"]),
            (r'ALARM("say \"hi\" (now)")', ['say "hi" (now)']),
            ('AT_LEAST(50%, ALARM, (a, "b", c)) OR ALARM(d)', ["d", "a", "b", "c"]),
            ("ALARM(", []),
        ],
    )
    def test_rules(self, rule: str, names: list[str]) -> None:
        assert children(rule, f"{HOME}:mine") == tuple(f"{HOME}:{name}" for name in names)

    def test_a_log_alarm_knows_its_log_groups_and_shows_their_lines(self) -> None:
        found = signal("alarm-log-alarm")
        assert found.alarm is not None
        assert found.alarm.kind == "log"
        assert found.log_groups == found.alarm.log_groups == ("/shop/orders", "/shop/payments")
        assert "ERROR payment declined by gateway: timeout" in found.lines

    def test_tags_say_how_bad_it_is_whose_it_is_and_what_to_do(self) -> None:
        found = signal("alarm-tagged-critical")
        assert (found.severity, found.service) == ("critical", "payments")
        assert ("Runbook", "https://wiki.example.com/payments") in found.links

    def test_without_an_arn_it_is_made_of_what_is_known(self) -> None:
        found = signal("alarm-old-without-arn").alarm
        assert found is not None
        assert found.arn == f"{HOME}:legacy-errors"

    def test_one_that_is_deleted_ends_after_its_last_state_whatever_that_was(self) -> None:
        found = signal("alarm-event-deleted")
        assert found.lines[0] == "It was deleted, and can say nothing any more; its last state was ALARM."
        assert dict(found.facts)["Was"] == "ALARM"
        # CloudWatch tells the event's time in whole seconds: that must not lie before what it ends.
        changed = moment(CONTENT["alarm-event-deleted-composite"]["detail"]["state"]["timestamp"])
        assert signal("alarm-event-deleted-composite").at == changed
        for state in ("OK", "INSUFFICIENT_DATA"):
            other = parse(body("alarm-event-deleted").replace('"ALARM"', f'"{state}"'), RECEIVED)
            assert (other.state, other.title) == ("resolved", "ServerCpuTooHigh was deleted")

    def test_the_function_s_log_group_is_known(self) -> None:
        assert signal("alarm-metric-alarm").log_groups == ("/aws/lambda/checkout",)


class TestBudgets:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("$1,234.56", 1234.56),
            ("1.234,56 €", 1234.56),
            ("USD 100", 100),
            ("$1,000", 1000),
            ("1.000", 1000),
            ("0.95", 0.95),
            ("12,5 GB", 12.5),
            ("¥1,234,567", 1234567),
            ("none", None),
            ("", None),
        ],
    )
    def test_amounts(self, text: str, value: float | None) -> None:
        assert amount(text) == value

    def test_odd_spacing_changes_nothing(self) -> None:
        found = signal("budget-odd-spacing")
        assert (found.name, found.severity, found.account) == ("team-shop", "high", "123456789012")

    def test_a_translated_one_is_told_as_it_came(self) -> None:
        assert any("Budgetbetrag: 1.000,00 $" in line for line in signal("budget-translated").lines)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-20T10:00:00Z", 1795168800.0),
        ("2026-11-20T10:00:00.500+0000", 1795168800.5),
        ("2026-11-20T11:00:00+01:00", 1795168800.0),
        ("Fri, 20 Nov 2026 10:00:00 GMT", 1795168800.0),
        ("Nov 20, 2026, 10:00:00\u202fAM", 1795168800.0),
        (1795168800, 1795168800.0),
        (1795168800000, 1795168800.0),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (-5, None),
        ("0001-01-01T00:00:00+23:00", None),
    ],
)
def test_moments(value: object, expected: float | None) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/x?region=eu-west-1"),
        ("cn-north-1", "https://console.amazonaws.cn/x?region=cn-north-1"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/x?region=us-gov-west-1"),
        ("", ""),
        ("evil.example.com/", ""),
    ],
)
def test_the_console_of_each_partition(region: str, host: str) -> None:
    assert page(region, "/x?region={region}") == host


def test_a_signal_from_the_future_is_dated_when_it_came() -> None:
    late = parse(body("codepipeline-failed").replace("2026-11-20T10:00:00Z", "2999-01-01T00:00:00Z"), RECEIVED)
    assert late.at == RECEIVED
    assert replace(late, at=0, since=0, raw="") == replace(signal("codepipeline-failed"), at=0, since=0, raw="")


def changed(name: str, change: Callable[[Any], object]) -> Signal:
    """What a message becomes once something in it is changed; of what SNS carries, its message."""
    content = copy.deepcopy(CONTENT[name])
    change(content["Message"] if "TopicArn" in content else content["detail"])
    return parse(wrapped(content), RECEIVED)


def test_a_source_s_own_clock_may_not_run_ahead() -> None:
    found = changed("rds-failover", lambda detail: detail.update(Date="2999-01-01T00:00:00Z"))
    assert found.at == 1795168800.0


def test_each_series_of_an_alarm_is_an_alert_of_its_own() -> None:
    other = changed("alarm-contributor", lambda alarm: alarm.update(AlarmContributorId="another"))
    whole = changed("alarm-contributor", lambda alarm: alarm.pop("AlarmContributorId"))
    assert len({one.fingerprint for one in (signal("alarm-contributor"), other, whole)}) == 3
    assert signal("alarm-event-contributor").fingerprint != signal("alarm-contributor").fingerprint


def test_a_container_that_failed_is_not_excused_by_one_that_did_well() -> None:
    found = changed("ecs-task-exit", lambda detail: detail["containers"][1].update(exitCode=0))
    assert (found.state, found.severity) == ("firing", "medium")


def test_a_query_s_data_is_returned_unless_it_says_otherwise() -> None:
    found = changed("alarm-anomaly-alarm", lambda alarm: alarm["Trigger"]["Metrics"][0].pop("ReturnData")).alarm
    assert found is not None
    assert [one["ReturnData"] for one in found.metrics] == [True, True]


@pytest.mark.parametrize(
    ("partition", "spent", "impact"), [("aws", "$1,301", "$1,001"), ("aws-cn", "1,301 CNY", "1,001 CNY")]
)
def test_an_anomaly_says_in_which_money(partition: str, spent: str, impact: str) -> None:
    found = changed(
        "anomaly-large", lambda told: told.update(monitorArn=f"arn:{partition}:ce::123456789012:anomalymonitor/x")
    )
    assert dict(found.facts)["Spent"] == spent
    assert f"costs {impact} more than expected" in found.title


@pytest.mark.parametrize(
    ("end", "state", "title"),
    [
        ("page", "ALARM", "shop-availability spends its error budget far too fast"),
        ("page", "OK", "shop-availability spends its error budget slowly again"),
        ("ticket", "ALARM", "shop-availability spends its error budget too fast"),
        ("absent", "ALARM", "shop-availability gets no requests"),
        ("1h", "ALARM", "parapet-prod-shop-availability-1h is in alarm"),
    ],
)
def test_the_alarms_of_an_objective_say_what_they_mean(end: str, state: str, title: str) -> None:
    tags = [{"Key": "objective", "Value": "shop-availability"}, {"Key": "service", "Value": "shop"}]
    name = f"parapet-prod-shop-availability-{end}"
    message = {
        "AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}",
        "AlarmDescription": "The error budget is being spent.", "AWSAccountId": "123456789012",
        "NewStateValue": state, "OldStateValue": "OK", "NewStateReason": "arn:… transitioned to ALARM",
        "StateChangeTime": "2026-11-21T10:00:00.000+0000", "Region": "EU (Ireland)",
        "AlarmRule": "ALARM(a)", "AlarmTags": tags,
    }  # fmt: skip
    found = parse(json.dumps(message), 1_795_255_200.0)
    assert found.title == title
    if end != "1h":
        assert found.lines[0] == "The error budget is being spent."
