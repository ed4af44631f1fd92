"""Parapet's alarms on itself: each watches something that is there, and says what it means and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import telemetry
from deploy.resources.alarms import KINDS, alarms
from deploy.resources.functions import Function
from tests.account import TestAccount
from tests.deploy.deployed import CFN, FUNCTIONS, KNOWN, RESOURCES, SAM, of, said

ALARMS = of("AWS::CloudWatch::Alarm")
HOURS = "QuietHours"


def metrics(alarm: Any) -> list[Any]:
    """What an alarm measures, as CloudWatch's metrics with dimensions as a dictionary."""
    found = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
    return [
        {
            "Namespace": one["Namespace"],
            "MetricName": one["MetricName"],
            **{part["Name"]: said(part["Value"]) for part in one["Dimensions"]},
        }
        for one in found
    ]


def watching(namespace: str, name: str, **dimensions: str) -> list[str]:
    """The alarms that watch a metric."""
    wanted = {"Namespace": namespace, "MetricName": name, **dimensions}
    return [logical for logical, alarm in ALARMS.items() if wanted in metrics(alarm)]


def seconds(alarm: Any) -> tuple[int, int]:
    """How long one period is, and how many there are at most."""
    period = alarm.get("Period") or alarm["Metrics"][0]["MetricStat"]["Period"]
    periods = alarm["EvaluationPeriods"]
    return period, CFN["Parameters"][HOURS]["MaxValue"] if periods == {"Ref": HOURS} else periods


class TestEach:
    @pytest.mark.parametrize("name", ALARMS)
    def test_tells_the_alert_topic_that_it_begins_and_that_it_is_over(self, name: str) -> None:
        alarm = ALARMS[name]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlertTopic"}]
        assert alarm.get("ActionsEnabled", True) is True

    @pytest.mark.parametrize("name", ALARMS)
    def test_says_what_it_means_what_to_do_and_where_more_is_written(self, name: str) -> None:
        text = said(ALARMS[name]["AlarmDescription"])
        assert len(text) <= 1024
        assert "{" not in text
        [kind] = [kind for kind in KINDS.values() if text.endswith(f"See docs/operations.md#{kind.name}")]
        assert kind.todo in text
        assert said(ALARMS[name]["AlarmName"]).endswith(kind.name)

    @pytest.mark.parametrize("name", ALARMS)
    def test_measures_what_is_there(self, name: str) -> None:
        functions = {said(own["FunctionName"]) for own in of("AWS::Lambda::Function").values()}
        rules = {said(own["Name"]) for own in of("AWS::Events::Rule").values()}
        queues = {KNOWN[f"{one}.QueueName"] for one in of("AWS::SQS::Queue")}
        for metric in metrics(ALARMS[name]):
            match metric:
                case {"Namespace": "AWS/Lambda", "FunctionName": function, **rest}:
                    assert function in functions
                case {"Namespace": "AWS/Events", "RuleName": rule, **rest}:
                    assert rule in rules
                case {"Namespace": "AWS/SQS", "QueueName": queue, **rest}:
                    assert queue in queues
                case {"Namespace": "AWS/ApiGateway", "ApiName": api, "Stage": stage, **rest}:
                    assert api == said(RESOURCES["RestAPI"]["Properties"]["Name"])
                    assert stage == RESOURCES["RestAPIapiStage"]["Properties"]["StageName"]
                case {"Namespace": telemetry.NAMESPACE, "Stage": "test", **rest}:
                    assert rest["MetricName"] in telemetry.UNITS
                case _:
                    pytest.fail(f"nobody makes {metric}")
            assert set(rest) == {"MetricName"}

    @pytest.mark.parametrize("name", ALARMS)
    def test_stays_within_what_cloudwatch_looks_back_on(self, name: str) -> None:
        period, periods = seconds(ALARMS[name])
        assert period % 60 == 0
        assert period * periods <= 86_400
        assert len(ALARMS[name].get("Metrics", [])) <= 10

    @pytest.mark.parametrize("name", ALARMS)
    def test_is_one_that_cloudwatch_takes(self, name: str, account: TestAccount) -> None:
        alarm = said({**ALARMS[name], "EvaluationPeriods": seconds(ALARMS[name])[1]})
        cloudwatch = account.client("cloudwatch")
        cloudwatch.put_metric_alarm(**alarm)
        assert cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmName"] == alarm["AlarmName"]

    def test_kind_has_an_alarm_and_one_sentence_each(self) -> None:
        used = {alarm.kind.name for alarm in alarms(FUNCTIONS, SAM["Resources"])}
        assert used == set(KINDS)
        for kind in KINDS.values():
            assert kind.means.endswith(".")
            assert kind.todo.endswith(".")


def swept(function: Function) -> bool:
    """Whether the sweep reaches a function every hour; what lives in events alone is not swept."""
    return function.kind == "rule" and function.name != "guard_signin"


class TestAll:
    @pytest.mark.parametrize("queue", [name for name in of("AWS::SQS::Queue") if "DeadLetters" in name])
    def test_dead_letters_are_watched(self, queue: str) -> None:
        name = KNOWN[f"{queue}.QueueName"]
        [alarm] = watching("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=name)
        assert (ALARMS[alarm]["Threshold"], ALARMS[alarm]["EvaluationPeriods"]) == (1, 1)
        assert name in said(ALARMS[alarm]["AlarmDescription"])

    def test_all_that_something_is_given_up_into_are_dead_letters(self) -> None:
        given_up = {one["Targets"][0]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] for one in rules()}
        given_up |= {
            one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            for one in of("AWS::SQS::Queue").values()
            if "RedrivePolicy" in one
        }
        given_up |= {
            one["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
            for one in of("AWS::Lambda::EventInvokeConfig").values()
            if "Fn::GetAtt" in one["DestinationConfig"]["OnFailure"]["Destination"]
        }
        emptied = ("Slack", "PagerDuty", "Email", "Alert", "Enrich", "Ledger")
        assert given_up == {"RuleDeadLetters", "DeadLetters", *(f"{one}DeadLetters" for one in emptied)}
        assert all("DeadLetters" in name for name in given_up), "so that they have an alarm, and the doctor looks"

    @pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
    def test_functions_are_watched(self, function: Any) -> None:
        name = f"parapet-test-{function.dashed}"
        # To decline a token is an error to Lambda; what is one to us is a 5xx of the API's.
        for metric in ("Errors", "Throttles") if function.kind != "authorizer" else ("Throttles",):
            [alarm] = watching("AWS/Lambda", metric, FunctionName=name)
            # What fails now and then is tried again; what goes on failing is told.
            assert ALARMS[alarm]["EvaluationPeriods"] == 3
        lost = {one for metric in ("AsyncEventsDropped", "DestinationDeliveryFailures")
                for one in watching("AWS/Lambda", metric, FunctionName=name)}  # fmt: skip
        assert len(lost) == (1 if function.asynchronous else 0)
        assert set(watching("AWS/Events", "FailedInvocations", RuleName=name)) == (lost if function.ruled else set())
        late = watching("AWS/Lambda", "AsyncEventAge", FunctionName=name)
        assert len(late) == (1 if function.kind == "rule" else 0)

    def test_a_guard_that_only_events_reach_may_see_nothing_for_days(self) -> None:
        assert watching("AWS/Events", "TriggeredRules", RuleName="parapet-test-guard-signin") == []

    @pytest.mark.parametrize("function", [one for one in FUNCTIONS if swept(one)], ids=lambda one: one.name)
    def test_a_guard_that_sees_nothing_is_told(self, function: Any) -> None:
        [name] = watching("AWS/Events", "TriggeredRules", RuleName=f"parapet-test-{function.dashed}")
        alarm = ALARMS[name]
        assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, {"Ref": HOURS})
        # A sweep comes every hour: less than two hours would tell of nothing.
        assert CFN["Parameters"][HOURS]["MinValue"] >= 2

    def test_a_heartbeat_that_does_not_come_back_is_told_without_any_function_of_ours(self) -> None:
        rule = said(of("AWS::Events::Rule")["HeartbeatRule"]["Name"])
        [name] = watching("AWS/Events", "TriggeredRules", RuleName=rule)
        alarm = ALARMS[name]
        assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
        # Four beats, of which some may come late.
        assert alarm["Period"] * alarm["EvaluationPeriods"] == 4 * 300

    def test_only_silence_is_bad_when_there_is_nothing_to_measure(self) -> None:
        silent = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
        assert silent == {"SilenceAlarm", *(f"{one.logical}QuietAlarm" for one in FUNCTIONS if swept(one))}
        kept = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "ignore"}
        assert kept == {name for name in ALARMS if name.endswith("DeadLettersAlarm")}

    def test_news_that_nobody_gets_slow_fixes_failed_fixes_and_a_broken_api_are_told(self) -> None:
        for logical, queue in of("AWS::SQS::Queue").items():
            if "RedrivePolicy" in queue:
                name = KNOWN[f"{logical}.QueueName"]
                [stuck] = watching("AWS/SQS", "ApproximateAgeOfOldestMessage", QueueName=name)
                assert ALARMS[stuck]["Threshold"] < queue["MessageRetentionPeriod"]
        [slow] = watching("Parapet", "SecondsToRemediate", Stage="test")
        assert ALARMS[slow]["ExtendedStatistic"] == "p99"
        assert len(watching("Parapet", "Failures", Stage="test")) == 1
        assert len(watching("AWS/ApiGateway", "5XXError", ApiName="parapet-test-api", Stage="api")) == 1


def rules() -> list[Any]:
    return list(of("AWS::Events::Rule").values())
