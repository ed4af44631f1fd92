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

from chalicelib.alerts.parse import parse
from chalicelib.alerts.report import fingerprint
from local.cloudwatch import api, keeping
from local.cloudwatch.alarms import Alarms
from local.cloudwatch.clock import Clock
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
        self.clock = Clock(wall=lambda: self.now)
        self.alarms = Alarms(
            ACCOUNT, self.events.append, self.said.append, self.clock, wall=lambda: self.now, seldom=0.0
        )

    def alarm(self, **changes: Any) -> None:
        actions = {one: [self.topic] for one in ("AlarmActions", "OKActions", "InsufficientDataActions")}
        self.cloudwatch.put_metric_alarm(**{**ALARM, **actions, **changes})

    def math(self, expression: str) -> None:
        query = {"Id": "e1", "Expression": expression, "ReturnData": True}
        stat = {"Metric": METRIC, "Period": 60, "Stat": "Sum"}
        metric = {"Id": "m1", "MetricStat": stat, "ReturnData": False}
        self.cloudwatch.put_metric_alarm(
            AlarmName="math", Metrics=[query, metric], EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold", AlarmActions=[self.topic],
        )  # fmt: skip

    def described(self, **wanted: Any) -> list[str]:
        found = self.cloudwatch.describe_alarms(**wanted)
        return [str(one["AlarmName"]) for one in found["MetricAlarms"] + found["CompositeAlarms"]]

    def history(self, **wanted: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.cloudwatch.describe_alarm_history(**wanted)["AlarmHistoryItems"]
        return items

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
def account() -> Iterator[Account]:
    with mock_aws(config={"core": {"reset_boto3_session": False}}), keeping.plugged():
        made = Account()
        with api.plugged(made.clock):
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


def test_an_alarm_that_is_asked_to_tells_its_tags_and_so_does_a_composite(account: Account) -> None:
    tags = {"Tags": [{"Key": "severity", "Value": "critical"}]}
    asked = {"ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True}}}
    account.alarm(**tags, **asked)
    account.cloudwatch.put_composite_alarm(
        AlarmName="all", AlarmRule="ALARM(errors)", AlarmActions=[account.topic], **tags, **asked
    )
    account.cloudwatch.put_composite_alarm(
        AlarmName="silent", AlarmRule="ALARM(errors)", AlarmActions=[account.topic], **tags
    )
    account.set("errors", "ALARM")
    account.alarms.look()
    found = {message["AlarmName"]: message for _, message in account.told()}
    assert set(found) == {"errors", "all", "silent"}
    for name in ("errors", "all"):
        signal = parse(json.dumps(found[name]), account.now)
        assert (signal.severity, dict(signal.tags)) == ("critical", {"severity": "critical"})
    assert "AlarmTags" not in found["silent"]


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
            "Threshold Crossed: 2 out of the last 3 datapoints [10.0 (18/11/26 11:09:00), 9.0 (18/11/26 11:07:00)] "
            "were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
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

    def test_percentiles_are_taken_from_the_values(self, account: Account) -> None:
        account.alarm(Statistic="", ExtendedStatistic="p90", EvaluationPeriods=1, DatapointsToAlarm=1)
        for value in (1.0, 1.0, 1.0, 100.0):
            account.put(value)
        assert account.state() == "ALARM"

    def test_an_expression_is_judged(self, account: Account) -> None:
        account.math("m1 * 2")
        account.put(9.0)
        assert account.state("math") == "ALARM"
        [(_, told)] = account.told()
        assert [one["Id"] for one in told["Trigger"]["Metrics"]] == ["e1", "m1"]
        assert "[18.0 (18/11/26 11:09:00)]" in told["NewStateReason"]

    def test_what_is_not_judged_is_kept_and_said_once(self, account: Account) -> None:
        account.math("ANOMALY_DETECTION_BAND(m1, 2)")
        account.put(9.0)
        for _ in range(2):
            assert account.state("math") == "INSUFFICIENT_DATA"
        assert account.said == [
            "not judged here, and changed by set-alarm-state only: math is about ANOMALY_DETECTION_BAND"
        ]
        account.cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(math)")
        account.set("math", "ALARM")
        assert account.state("all") == "ALARM"

    @pytest.mark.parametrize(
        ("expression", "problem"),
        [("SEARCH(' {AWS/EC2} ', 'Sum')", "SEARCH"), ("m1 +", "e1"), ("m2 * 2", "m2"), ("STDDEV(m1)", "STDDEV")],
    )
    def test_what_cannot_be_evaluated_is_refused(self, account: Account, expression: str, problem: str) -> None:
        with pytest.raises(ClientError, match=problem):
            account.math(expression)

    def test_what_comes_in_late_counts_as_soon_as_it_is_there(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(1.0)
        assert account.state() == "OK"
        account.put(9.0)
        assert account.state() == "ALARM"


class TestTime:
    def test_no_minute_is_left_out_however_fast_the_clock_goes(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, TreatMissingData="breaching", Threshold=0.0)
        account.put(1.0)
        assert account.state() == "ALARM"
        account.clock.faster(3600)
        begun = account.now
        account.now += 1
        # An hour goes by in a second; ten minutes of it, each on its own, went well.
        store = api.store(ACCOUNT, REGION)
        [metric] = store.metrics()
        for minute in range(20, 40, 2):
            store.put(metric, begun + 60 * minute, [-1.0])
        # On a busy machine it takes turns.
        changes = [one for _ in range(60) for one in account.alarms.look()]
        assert [one.after.value for one in changes] == ["OK", "ALARM"]

    def test_what_is_told_is_the_time_on_the_wall(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.clock.faster(60)
        account.now += 60
        # Now an hour is over, and 59 minutes of it are ahead of the wall.
        store = api.store(ACCOUNT, REGION)
        account.put(9.0)
        [metric] = store.metrics()
        assert store.latest(metric) == NOW + 3600 - 60
        assert account.state() == "ALARM"
        [(_, told)] = account.told()
        assert told["StateChangeTime"] == "2026-11-18T11:11:00.000+0000"
        assert "[9.0 (18/11/26 11:10:00)]" in told["NewStateReason"]
        assert account.events[0]["time"] == "2026-11-18T11:11:00Z"

    def test_an_hour_is_the_last_one_whenever_it_is_looked_at(self, account: Account) -> None:
        account.alarm(Period=3600, EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(9.0)
        assert account.state() == "ALARM"
        account.now += 59 * 60
        assert account.state() == "ALARM"
        account.now += 60
        # The hour before still has a value, and this one none: CloudWatch looks further back.
        assert account.state() == "ALARM"
        account.now += 2 * 3600
        assert account.state() == "OK"

    def test_nothing_is_looked_at_again_while_nothing_changes(self, account: Account) -> None:
        account.alarm()
        account.put(1.0, 1.0, 1.0)
        account.alarms.look()
        engine = account.alarms._regions[REGION].engine
        engine.step = lambda *_: pytest.fail("it was judged")  # type: ignore[method-assign]
        assert account.alarms.look() == []


class TestHistory:
    def test_it_has_what_was_made_what_changed_and_what_was_done(self, account: Account) -> None:
        account.alarm()
        account.set("errors", "ALARM")
        account.alarms.look()
        account.cloudwatch.delete_alarms(AlarmNames=["errors"])
        items = account.history(AlarmName="errors", ScanBy="TimestampAscending")
        assert [(one["HistoryItemType"], one["HistorySummary"]) for one in items] == [
            ("ConfigurationUpdate", 'Alarm "errors" created'),
            ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
            ("Action", f"Successfully executed action {account.topic}"),
            ("ConfigurationUpdate", 'Alarm "errors" deleted'),
        ]
        states = json.loads(items[1]["HistoryData"])
        assert (states["oldState"]["stateValue"], states["newState"]["stateReason"]) == (
            "INSUFFICIENT_DATA", "by hand: ALARM",
        )  # fmt: skip

    def test_it_lies_as_long_ago_as_what_the_metrics_went_through(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(9.0)
        assert account.state() == "ALARM"

        def ago() -> list[float]:
            [item] = account.history(HistoryItemType="StateUpdate")
            [alarm] = account.cloudwatch.describe_alarms()["MetricAlarms"]
            times = (item["Timestamp"], alarm["StateUpdatedTimestamp"], alarm["StateTransitionedTimestamp"])
            return [account.now - one.timestamp() for one in times]

        assert ago() == [0.0] * 3
        account.clock.faster(60)
        account.now += 30
        assert ago() == [1800.0] * 3
        assert ago() == [1800.0] * 3, "it is told so, and not written"
        since = datetime.fromtimestamp(account.now - 1500, UTC)
        assert account.history(HistoryItemType="StateUpdate", StartDate=since) == []

    def test_it_comes_page_by_page_of_what_is_asked_for_the_latest_first(self, account: Account) -> None:
        account.alarm()
        account.alarm(AlarmName="other")
        for state in ("ALARM", "OK", "ALARM"):
            account.set("errors", state)
        account.alarms.look()
        first = account.cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate", MaxRecords=2)
        second = account.cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate", NextToken=first["NextToken"])
        summaries = [one["HistorySummary"] for one in first["AlarmHistoryItems"] + second["AlarmHistoryItems"]]
        assert [one.rpartition(" ")[2] for one in summaries] == ["ALARM", "OK", "ALARM"]
        assert account.history(AlarmTypes=["CompositeAlarm"]) == []
        assert account.history(StartDate=datetime(2100, 1, 1, tzinfo=UTC)) == []


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

    def test_its_actions_are_held_back_and_taken_afterwards(self, account: Account) -> None:
        account.alarm(AlarmName="a", AlarmActions=[])
        account.alarm(AlarmName="works", AlarmActions=[], OKActions=[])
        self.composite(
            account, "ALARM(a)", ActionsSuppressor="works", ActionsSuppressorWaitPeriod=60,
            ActionsSuppressorExtensionPeriod=120,
        )  # fmt: skip
        account.set("works", "ALARM")
        account.set("a", "ALARM")
        assert account.state("both") == "ALARM"
        assert account.told() == []
        event = [one for one in account.events if one["detail"]["alarmName"] == "both"][-1]
        assert event["detail"]["state"]["actionsSuppressedReason"] == "Actions suppressed by Alarm"
        assert event["detail"]["configuration"]["actionsSuppressorExtensionPeriod"] == 120
        [alarm] = account.cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"], AlarmNames=["both"])[
            "CompositeAlarms"
        ]
        assert (alarm["ActionsSuppressor"], alarm["ActionsSuppressedBy"]) == ("works", "Alarm")
        account.set("works", "OK")
        account.alarms.look()
        [alarm] = account.cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"], AlarmNames=["both"])[
            "CompositeAlarms"
        ]
        assert alarm["ActionsSuppressedBy"] == "ExtensionPeriod"
        account.now += 119
        account.alarms.look()
        assert account.told() == []
        account.now += 1
        account.alarms.look()
        [(subject, told)] = account.told()
        assert subject.startswith("ALARM")
        assert (told["OldStateValue"], told["NewStateValue"]) == ("ALARM", "ALARM")

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"AlarmRule": "ALARM(nobody)"}, "nobody"), ({"AlarmRule": "ALARM(a) AND OK(a) OR TRUE"}, "parentheses"),
            ({"AlarmRule": "ALARM(both)"}, "both"), ({"AlarmRule": "MAYBE(a)"}, "MAYBE"),
            ({"AlarmRule": "ALARM(a)", "ActionsSuppressor": "a"}, "ActionsSuppressorWaitPeriod"),
            ({"AlarmRule": "ALARM(a)", "ActionsSuppressorWaitPeriod": 60}, "need an ActionsSuppressor"),
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

    def test_alarms_are_described_by_all_that_is_asked_for(self, account: Account) -> None:
        for name in ("a1", "a2", "b1"):
            account.alarm(AlarmName=name, OKActions=[], InsufficientDataActions=[])
        for name, rule in (("all", "ALARM(a1) AND ALARM(a2)"), ("over", "ALARM(all)")):
            account.cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)
        account.set("a1", "ALARM")
        account.alarms.look()
        both = ["MetricAlarm", "CompositeAlarm"]
        assert account.described() == ["a1", "a2", "b1"]
        assert account.described(AlarmTypes=both) == ["a1", "a2", "b1", "all", "over"]
        assert account.described(AlarmTypes=["CompositeAlarm"], AlarmNamePrefix="a") == ["all"]
        assert account.described(AlarmNamePrefix="a", StateValue="ALARM") == ["a1"]
        assert account.described(AlarmNames=["b1", "a1", "gone", "all"]) == ["a1", "b1"]
        assert account.described(ActionPrefix=account.topic, StateValue="INSUFFICIENT_DATA") == ["a2", "b1"]
        assert account.described(ChildrenOfAlarmName="all") == ["a1", "a2"]
        assert account.described(ParentsOfAlarmName="a1") == ["all"]
        one, other = account.cloudwatch.describe_alarms(ChildrenOfAlarmName="all")["MetricAlarms"]
        assert one.keys() == other.keys() == {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"}
        assert (one["StateValue"], other["StateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
        [over] = account.cloudwatch.describe_alarms(ParentsOfAlarmName="a1")["CompositeAlarms"]
        assert over.keys() == {"AlarmName", "AlarmArn"}
        with pytest.raises(ClientError, match="cannot be given together"):
            account.described(ChildrenOfAlarmName="all", AlarmTypes=both)
        first = account.cloudwatch.describe_alarms(AlarmTypes=both, MaxRecords=2)
        assert [one["AlarmName"] for one in first["MetricAlarms"] + first["CompositeAlarms"]] == ["a1", "a2"]
        assert account.described(AlarmTypes=both, NextToken=first["NextToken"]) == ["b1", "all", "over"]
        with pytest.raises(ClientError, match="cannot be given together"):
            account.described(AlarmNames=["a1"], AlarmNamePrefix="a")

    def test_it_says_since_when_it_is_in_its_state(self, account: Account) -> None:
        account.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
        account.put(9.0)
        account.alarms.look()
        [alarm] = account.cloudwatch.describe_alarms()["MetricAlarms"]
        assert alarm["StateTransitionedTimestamp"].timestamp() == account.now
