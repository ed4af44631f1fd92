"""Alarms at work: states change by hand, by data and by children, and topics and the event bus hear of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend

from chalicelib.alerts.parse import parse
from chalicelib.alerts.report import fingerprint
from local import metrics
from local.alarms import Alarms, judged
from tests.samples import ACCOUNT, REGION

NOW = 1_795_000_200.0
METRIC: dict[str, Any] = {
    "Namespace": "Shop", "MetricName": "Errors", "Dimensions": [{"Name": "Service", "Value": "checkout"}],
}  # fmt: skip
ALARM: dict[str, Any] = {
    **METRIC, "AlarmName": "errors", "AlarmDescription": "too many", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}  # fmt: skip


@dataclass
class Account:
    """moto with its alarms at work; time stands until it is moved."""

    now: float = NOW
    said: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloudwatch = boto3.client("cloudwatch", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        sns = boto3.client("sns", region_name=REGION)
        self.topic = sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self.alarms = Alarms(ACCOUNT, self.events.append, self.said.append, clock=lambda: self.now)

    def alarm(self, **changes: Any) -> None:
        actions = {one: [self.topic] for one in ("AlarmActions", "OKActions", "InsufficientDataActions")}
        self.cloudwatch.put_metric_alarm(**{**ALARM, **actions, **changes})

    def put(self, *values: float, ago: float = 0.0) -> None:
        """Put one value a minute, the last of them in the last minute that is over."""
        data = [
            {
                "MetricName": "Errors", "Dimensions": METRIC["Dimensions"], "Value": value,
                "Timestamp": datetime.fromtimestamp(self.now - 60 * (len(values) - number) - ago, UTC),
            }
            for number, value in enumerate(values)
        ]  # fmt: skip
        self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)

    def set(self, name: str, state: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"by hand: {state}")

    def state(self, name: str = "errors") -> str:
        self.alarms.look()
        found = self.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        every: list[dict[str, Any]] = found["MetricAlarms"] + found["CompositeAlarms"]
        [value] = [str(one["StateValue"]) for one in every]
        return value

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """What arrived at the topic: subjects and messages."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                body = json.loads(one["Body"])
                found.append((body["Subject"], json.loads(body["Message"])))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("put_metric_alarm", "get_metric_data"):
        # Put back in the end: other tests mean moto as it is.
        monkeypatch.setattr(CloudWatchBackend, name, getattr(CloudWatchBackend, name))
    with mock_aws():
        metrics.drawn()
        made = Account()
        made.alarms.plug_in()
        yield made


def test_a_state_set_by_hand_is_told_as_cloudwatch_tells_it(account: Account) -> None:
    account.alarm()
    account.set("errors", "ALARM")
    account.alarms.look()
    [(subject, told)] = account.told()
    assert subject == 'ALARM: "errors" in EU (Ireland)'
    assert set(told) == {
        "AlarmName", "AlarmDescription", "AWSAccountId", "AlarmConfigurationUpdatedTimestamp", "NewStateValue",
        "NewStateReason", "StateChangeTime", "Region", "AlarmArn", "OldStateValue", "OKActions", "AlarmActions",
        "InsufficientDataActions", "Trigger",
    }  # fmt: skip
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["NewStateReason"] == "by hand: ALARM"
    assert told["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"
    assert told["StateChangeTime"].endswith("+0000")
    assert told["Trigger"] == {
        "MetricName": "Errors", "Namespace": "Shop", "Unit": None, "StatisticType": "Statistic", "Statistic": "SUM",
        "Dimensions": [{"value": "checkout", "name": "Service"}], "Period": 60, "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0,
        "TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": "",
    }  # fmt: skip
    [event] = account.events
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    [metric] = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {
        "namespace": "Shop", "name": "Errors", "dimensions": {"Service": "checkout"},
    }  # fmt: skip
    assert event["resources"] == [told["AlarmArn"]]


def test_each_change_is_told_once_and_no_change_is_none(account: Account) -> None:
    account.alarm()
    for state in ("ALARM", "ALARM", "OK", "ALARM"):
        account.set("errors", state)
    account.alarms.look()
    account.alarms.look()
    assert [told["NewStateValue"] for _, told in account.told()] == ["ALARM", "OK", "ALARM"]
    assert len(account.events) == 3


def test_the_bus_hears_once_of_one_that_is_deleted_and_the_next_of_its_name_begins_anew(account: Account) -> None:
    account.alarm()
    account.cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(errors)")
    account.set("errors", "ALARM")
    assert account.state("all") == "ALARM"
    account.events.clear()
    account.told()
    account.cloudwatch.delete_alarms(AlarmNames=["errors", "all"])
    account.alarms.look()
    account.alarms.look()
    assert account.told() == []
    for event, name in zip(account.events, ("errors", "all"), strict=True):
        assert event["detail"]["operation"] == "delete"
        found = parse(json.dumps(event), time.time())
        assert (found.state, found.title) == ("resolved", f"{name} was deleted")
        assert found.fingerprint == fingerprint("alarm", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")
    metric, composite = (event["detail"]["configuration"] for event in account.events)
    assert (metric["threshold"], metric["alarmActions"]) == (5.0, [account.topic])
    assert (composite["alarmRule"], "metrics" in composite) == ("ALARM(errors)", False)
    account.alarm()
    account.set("errors", "ALARM")
    assert account.state() == "ALARM"
    assert [event["detail-type"] for event in account.events[2:]] == ["CloudWatch Alarm State Change"]


def test_switched_off_actions_tell_the_bus_alone(account: Account) -> None:
    account.alarm(ActionsEnabled=False)
    account.set("errors", "ALARM")
    account.alarms.look()
    assert account.told() == []
    assert len(account.events) == 1


def test_only_topics_are_told_and_what_is_not_is_said_once(account: Account) -> None:
    action = f"arn:aws:automate:{REGION}:ec2:reboot"
    account.alarm(AlarmActions=[action, account.topic, f"arn:aws:sns:{REGION}:{ACCOUNT}:gone"])
    for state in ("ALARM", "OK", "ALARM"):
        account.set("errors", state)
        account.alarms.look()
    assert len(account.told()) == 3
    assert [one for one in account.said if action in one] == [
        f"the action {action} of the alarm errors is not carried out here: only topics are"
    ]
    assert [one for one in account.said if ":gone cannot be published to" in one]


class TestJudging:
    def test_an_alarm_whose_metric_nobody_put_stays_as_it_is_set(self, account: Account) -> None:
        account.alarm()
        assert account.state() == "INSUFFICIENT_DATA"
        account.set("errors", "ALARM")
        assert account.state() == "ALARM"

    def test_enough_periods_that_are_over_must_breach(self, account: Account) -> None:
        account.alarm()
        account.put(9.0, 1.0, 1.0)
        assert account.state() == "OK"
        account.put(9.0)
        assert account.state() == "ALARM"
        assert account.told()[-1][1]["NewStateReason"] == (
            "Threshold Crossed: 3 out of the last 3 datapoints [10.0 (18/11/26 11:09:00), 1.0 (18/11/26 11:08:00), "
            "9.0 (18/11/26 11:07:00)] were greater than the threshold (5.0)."
        )

    def test_what_is_not_over_yet_does_not_count(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(99.0, ago=-60)
        assert account.state() == "OK"
        account.now += 60
        assert account.state() == "ALARM"

    def test_it_recovers_when_data_ends(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(9.0)
        assert account.state() == "ALARM"
        account.now += 600
        assert account.state() == "OK"
        assert [told["NewStateValue"] for _, told in account.told()] == ["ALARM", "OK"]

    def test_a_state_set_by_hand_goes_back_to_what_the_data_say(self, account: Account) -> None:
        account.alarm()
        account.put(1.0, 1.0, 1.0)
        account.set("errors", "ALARM")
        assert account.state() == "OK"

    @pytest.mark.parametrize(
        ("treat", "points", "state"),
        [
            ("missing", [None] * 5, "INSUFFICIENT_DATA"), ("breaching", [None] * 5, "ALARM"),
            ("notBreaching", [None] * 5, "OK"), ("ignore", [None] * 5, ""),
            ("missing", [None, None, 9.0, None, None], "ALARM"), ("breaching", [None, None, 1.0, None, None], "ALARM"),
            ("notBreaching", [None, None, 9.0, None, None], "OK"), ("ignore", [None, 9.0, None, None, 9.0], ""),
            ("missing", [9.0, None, 9.0, None, 1.0], "ALARM"), ("missing", [9.0, 9.0, 1.0, 1.0, 1.0], "OK"),
            ("ignore", [9.0, 9.0, None, None, 1.0], "ALARM"),
        ],
    )  # fmt: skip
    def test_what_is_missing_is_treated_as_the_alarm_says(
        self, account: Account, treat: str, points: list[float | None], state: str
    ) -> None:
        account.alarm(TreatMissingData=treat)
        alarm = get_backend("cloudwatch")[ACCOUNT][REGION].alarms["errors"]
        assert judged(points, 3, alarm) == state

    def test_percentiles_are_taken_from_the_values(self, account: Account) -> None:
        account.alarm(Statistic="", ExtendedStatistic="p90", EvaluationPeriods=1, DatapointsToAlarm=1)
        for value in (1.0, 1.0, 1.0, 100.0):
            account.put(value)
        assert account.state() == "ALARM"

    def test_what_cannot_be_judged_is_said_once(self, account: Account) -> None:
        query = {"Id": "e1", "Expression": "m1 * 2", "ReturnData": True}
        stat = {"Metric": METRIC, "Period": 60, "Stat": "Sum"}
        metric = {"Id": "m1", "MetricStat": stat, "ReturnData": False}
        account.cloudwatch.put_metric_alarm(
            AlarmName="math", Metrics=[query, metric], EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold", AlarmActions=[account.topic],
        )  # fmt: skip
        account.put(9.0)
        assert account.state("math") == "INSUFFICIENT_DATA"
        account.alarms.look()
        assert account.said == ["the alarm math is not judged here: no metric math, anomalies or Metrics Insights yet"]
        account.set("math", "ALARM")
        account.alarms.look()
        [(_, told)] = account.told()
        assert [one["Id"] for one in told["Trigger"]["Metrics"]] == ["e1", "m1"]


class TestComposites:
    def composite(self, account: Account, rule: str, name: str = "both", **more: Any) -> None:
        account.cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule, AlarmActions=[account.topic], **more)

    def test_it_follows_its_children_and_names_the_one_that_moved_it(self, account: Account) -> None:
        account.alarm(AlarmName="a", AlarmActions=[])
        account.alarm(AlarmName="b", AlarmActions=[])
        self.composite(account, 'ALARM("a") AND NOT ALARM("b")', OKActions=[account.topic])
        assert account.state("both") == "OK"
        account.told()
        account.set("a", "ALARM")
        assert account.state("both") == "ALARM"
        [(subject, told)] = account.told()
        assert subject == 'ALARM: "both" in EU (Ireland)'
        assert "Trigger" not in told
        assert told["AlarmRule"] == 'ALARM("a") AND NOT ALARM("b")'
        [child] = told["TriggeringChildren"]
        assert child["Arn"].endswith(":alarm:a")
        assert child["State"]["Value"] == "ALARM"
        assert told["NewStateReason"].startswith(child["Arn"] + " transitioned to ALARM at ")
        account.set("b", "ALARM")
        assert account.state("both") == "OK"
        assert account.events[-1]["detail"]["configuration"] == {"alarmRule": 'ALARM("a") AND NOT ALARM("b")'}

    def test_one_may_stand_upon_another(self, account: Account) -> None:
        account.alarm(AlarmName="a")
        self.composite(account, "ALARM(a)", "first")
        self.composite(account, "ALARM(first)", "second")
        account.set("a", "ALARM")
        assert account.state("second") == "ALARM"

    def test_set_by_hand_it_stays_until_a_child_changes(self, account: Account) -> None:
        account.alarm(AlarmName="a")
        self.composite(account, "ALARM(a)")
        assert account.state("both") == "OK"
        account.set("both", "ALARM")
        assert account.state("both") == "ALARM"
        account.set("a", "OK")
        assert account.state("both") == "OK"

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"AlarmRule": "ALARM(nobody)"}, "nobody"), ({"AlarmRule": "ALARM(a) AND OK(a) OR TRUE"}, "parentheses"),
            ({"AlarmRule": "ALARM(both)"}, "both"), ({"AlarmRule": "MAYBE(a)"}, "MAYBE"),
            ({"AlarmRule": "ALARM(a)", "ActionsSuppressor": "a"}, "does not judge ActionsSuppressor"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_judged_is_refused(self, account: Account, given: dict[str, Any], problem: str) -> None:
        account.alarm(AlarmName="a")
        with pytest.raises(ClientError, match=problem):
            account.cloudwatch.put_composite_alarm(AlarmName="both", **given)


class TestKeeping:
    def test_a_changed_alarm_keeps_its_state_and_a_new_one_has_none(self, account: Account) -> None:
        account.alarm()
        account.set("errors", "ALARM")
        account.alarms.look()
        account.alarm(Threshold=7.0)
        assert account.state() == "ALARM"
        assert len(account.events) == 1
        [alarm] = account.cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
        assert alarm["Threshold"] == 7.0

    def test_a_composite_is_described_with_its_rule(self, account: Account) -> None:
        account.alarm(AlarmName="a")
        account.cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a)", ActionsEnabled=False)
        [alarm] = account.cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        assert (alarm["AlarmRule"], alarm["ActionsEnabled"]) == ("ALARM(a)", False)
