"""What operators see: one line of metrics per invocation that CloudWatch takes, and log lines that belong together."""

from __future__ import annotations

import importlib
import io
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib import telemetry
from chalicelib.bus import COMMAND, LOOK_AGAIN, SWEEP
from chalicelib.model import AwsError, BadEvent, Busy, ParapetError, Pause
from chalicelib.telemetry import Tally, embedded
from tests import emf
from tests.functions import test_guards as guards
from tests.functions import test_notify as told
from tests.functions.test_guards import Stage
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.notices.samples import FIXED
from tests.samples import ACCOUNT, REGION
from tests.wire import Crash

NAME = SCENARIO.guardrail
stage = guards.stage
outbox = told.stage
NOW = 1_795_000_001_000
TRACE = "Root=1-65f0-abc;Parent=1;Sampled=1"


class Written(io.StringIO):
    """What was logged since it was last looked at."""

    def take(self) -> list[dict[str, Any]]:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        self.lines = text.splitlines()
        return [json.loads(line) for line in self.lines]

    def counted(self) -> dict[str, float]:
        """The sums that CloudWatch would show: by name, and where by guardrail as `Name guardrail`."""
        self.take()
        found = emf.metrics(self.lines)
        assert all(("Stage", "test") in dimensions for _, dimensions in found)
        return {
            " ".join((name, *(value for key, value in dimensions if key != "Stage"))): sum(values)
            for (name, dimensions), values in found.items()
            if name != "SecondsToRemediate"
        }


@pytest.fixture
def log() -> Iterator[Written]:
    written = Written()
    before = telemetry.stream.set(written)
    yield written
    telemetry.stream.reset(before)


def broken(stage: Stage) -> dict[str, Any]:
    return stage.breach(SCENARIO.build(stage.account))


def both(**counts: int) -> dict[str, float]:
    """What is counted for the stage is counted for the guardrail too, but events."""
    return {**counts, **{f"{name} {NAME}": value for name, value in counts.items() if name != "Events"}}


class TestCounts:
    def test_a_benign_event(self, stage: Stage, log: Written) -> None:
        event = broken(stage)
        stage.account.client("ec2").delete_security_group(GroupId=event["detail"]["requestParameters"]["groupId"])
        stage.call(event)
        assert log.counted() == {"Events": 1}
        assert len(log.lines) == 1

    def test_a_fix_and_how_long_it_took(self, stage: Stage, log: Written) -> None:
        stage.call(broken(stage))
        assert log.counted() == both(Events=1, Findings=1, Fixes=1)
        of_stage = emf.metrics(log.lines)["SecondsToRemediate", frozenset({("Stage", "test")})]
        by_guardrail = emf.metrics(log.lines)["SecondsToRemediate", frozenset({("Stage", "test"), ("Guardrail", NAME)})]
        [seconds] = of_stage
        assert by_guardrail == of_stage
        assert 0 < seconds < 30
        assert sum("_aws" in line for line in map(json.loads, log.lines)) == 1, "one line of metrics an invocation"

    def test_what_comes_again_is_an_event_and_nothing_else(self, stage: Stage, log: Written) -> None:
        event = broken(stage)
        stage.call(event)
        log.take()
        stage.call(event, request="r2")
        assert log.counted() == {"Events": 1}

    def test_what_is_asked_about(
        self, stage: Stage, log: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        guards.use_settings(monkeypatch, tmp_path, f"[guardrails.{NAME}]\nmode = 'approve'")
        [finding] = stage.call(broken(stage))
        assert finding.status == "asked"
        assert log.counted() == both(Events=1, Findings=1)

    def test_a_fix_that_fails_counts_though_the_handler_raises(self, stage: Stage, log: Written) -> None:
        event = broken(stage)
        stage.account.wire.fail(lambda _, made: "deny" if made.operation == "RevokeSecurityGroupIngress" else None)
        with pytest.raises(AwsError):
            stage.call(event)
        assert log.counted() == both(Events=1, Findings=1, Failures=1)
        with pytest.raises(AwsError):
            stage.call(event)
        assert log.counted() == both(Events=1, Failures=1)

    def test_a_fix_that_only_needs_another_try_is_no_failure(self, stage: Stage, log: Written) -> None:
        event = broken(stage)
        stage.account.wire.fail(lambda _, made: "throttle" if made.operation == "RevokeSecurityGroupIngress" else None)
        with pytest.raises(AwsError):
            stage.call(event)
        assert log.counted() == both(Events=1, Findings=1)
        stage.account.wire.calm()
        stage.call(event)
        assert log.counted() == both(Events=1, Fixes=1)

    @pytest.mark.parametrize("fault", ["crash before", "crash after"])
    def test_what_was_counted_before_a_crash_is_written(self, stage: Stage, log: Written, fault: Any) -> None:
        event = broken(stage)
        stage.account.wire.fail(lambda _, made: fault if made.operation == "SendMessageBatch" else None)
        with pytest.raises(Crash):
            stage.call(event)
        assert log.counted() == both(Events=1, Findings=1, Fixes=1)

    def test_what_was_not_journalled_does_not_count(self, stage: Stage, log: Written) -> None:
        event = broken(stage)
        stage.account.wire.fail(lambda _, made: "throttle" if made.operation == "TransactWriteItems" else None)
        with pytest.raises(AwsError):
            stage.call(event)
        assert log.counted() == {"Events": 1}

    def test_an_undo_counts_nothing_and_a_refused_one_a_refusal(self, stage: Stage, log: Written) -> None:
        [finding] = stage.call(broken(stage))
        log.take()
        for expected in ("undone", "refused"):
            command = stage.account.ask("undo", finding)
            stage.call(stage.ours(COMMAND, command=command.id))
            lines = log.take()
            assert (lines[-2]["message"], lines[-2]["finding"]) == (expected, finding.id)
            assert all(line["command"] == command.id for line in lines)
            assert emf.metrics(log.lines) == (
                {("Refusals", frozenset({("Stage", "test")})): [1]} if expected == "refused" else {}
            )

    def test_a_fix_that_stays_because_its_undo_was_denied_is_no_new_fix(self, stage: Stage, log: Written) -> None:
        [finding] = stage.call(broken(stage))
        command = stage.account.ask("undo", finding)
        stage.account.wire.fail(lambda _, m: "deny" if m.operation == "AuthorizeSecurityGroupIngress" else None)
        log.take()
        stage.call(stage.ours(COMMAND, command=command.id))
        assert log.counted() == both(Refusals=1)

    def test_what_the_pause_held_is_refused_then_fixed_and_its_wait_is_not_ours(
        self, stage: Stage, log: Written
    ) -> None:
        event = broken(stage)
        stage.account.journal.set_pause(Pause("bob", "an incident", time.time(), None))
        [finding] = stage.call(event)
        assert log.counted() == both(Events=1, Findings=1, Refusals=1)
        stage.account.journal.lift_pause()
        stage.call(stage.ours(LOOK_AGAIN, finding=finding.id))
        assert log.counted() == both(Fixes=1)
        assert not any(name == "SecondsToRemediate" for name, _ in emf.metrics(log.lines))
        assert json.loads(log.lines[-2])["event_id"] == event["detail"]["eventID"]

    def test_what_a_limit_keeps_from_being_fixed_is_refused(
        self, stage: Stage, log: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        guards.use_settings(monkeypatch, tmp_path, "[limits]\nresources_per_ten_minutes = 1")
        stage.call(broken(stage))
        log.take()
        other = stage.account.client("ec2").create_security_group(GroupName="other", Description="x")["GroupId"]
        stage.call(stage.breach(other))
        assert log.counted() == both(Events=1, Findings=1, Refusals=1)

    def test_a_sweep_is_no_event(
        self, stage: Stage, log: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        guards.use_settings(monkeypatch, tmp_path, f"[guardrails.{NAME}]\nmode = 'enforce'")
        broken(stage)
        stage.call(stage.ours(SWEEP, guardrail=NAME))
        assert log.counted() == both(Findings=1, Fixes=1)
        assert not any(name == "SecondsToRemediate" for name, _ in emf.metrics(log.lines)), "nobody knows since when"

    def test_an_event_that_cannot_be_read_is_an_event(self, stage: Stage, log: Written) -> None:
        with pytest.raises(BadEvent):
            stage.call({**broken(stage), "account": guards.OTHER})
        assert log.counted() == {"Events": 1}

    def test_what_lambda_gave_up_on_and_what_slack_refuses(self, outbox: told.Stage, log: Written) -> None:
        outbox.fail("{}")
        assert [sum(values) for values in emf.metrics([json.dumps(one) for one in log.take()]).values()] == [1]
        outbox.slack.fail("500")
        assert outbox.notify(FIXED) == [False]
        assert emf.metrics([json.dumps(one) for one in log.take()]) == {}, "another try may do"
        outbox.slack.tokens.clear()
        told_again = outbox.handlers["notify"]({"Records": [told._record(FIXED)]}, told.Context())
        assert told_again["batchItemFailures"]
        [values] = emf.metrics([json.dumps(one) for one in log.take()]).values()
        assert values == [1]


class TestLines:
    def test_go_from_the_event_to_the_notice(self, outbox: told.Stage, log: Written) -> None:
        account = outbox.account
        account.clock.at = time.time()
        event = SCENARIO.breach(account, SCENARIO.build(account))
        guard = importlib.import_module("chalicelib.functions.guard_ec2")
        account.running("guard_ec2", guard.guard_ec2)(event, guards.Context(aws_request_id="r1"))
        [finding] = account.journal.by_status("fixed")
        opened, fixed, done = log.take()
        event_id, resource = event["detail"]["eventID"], finding.violation.resource
        for line in (opened, fixed, done):
            assert (line["service"], line["function_request_id"]) == ("guard_ec2", "r1")
            assert (line["cause"], line["event_id"], line["delivery"]) == ("event", event_id, event["id"])
            assert (line["account"], line["region"]) == (ACCOUNT, REGION)
        for line in (opened, fixed):
            assert (line["finding"], line["guardrail"], line["resource"]) == (finding.id, NAME, resource)
        assert [line["message"] for line in (opened, fixed, done)] == ["fixing", "fixed", "done"]
        assert isinstance(done["ms"], int)
        assert outbox.notify() == [True]
        sent, _ = log.take()
        assert (sent["service"], sent["message"], sent["outcome"]) == ("notify", "told", "sent")
        assert (sent["finding"], sent["event_id"], sent["guardrail"]) == (finding.id, event_id, NAME)
        assert sent["function_request_id"] == told.Context.aws_request_id

    def test_have_the_keys_that_powertools_logger_gives_them(self, outbox: told.Stage, log: Written) -> None:
        outbox.notify(FIXED)
        for line in log.take():
            assert list(line)[:5] == ["level", "message", "timestamp", "service", "function_request_id"]
            assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
            assert len(line["timestamp"]) == len("2026-11-21T04:57:13.123+00:00")

    def test_name_the_trace(self, stage: Stage, log: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
        stage.call(broken(stage))
        assert {line["xray_trace_id"] for line in log.take()} == {"1-65f0-abc"}

    @pytest.mark.parametrize(
        ("kind", "detail", "cause"),
        [
            (SWEEP, {"guardrail": NAME}, "sweep"),
            (SWEEP, {"guardrail": NAME, "account": ACCOUNT, "region": REGION}, "sweep"),
            (LOOK_AGAIN, {"finding": "nothing0"}, "look again"),
            (COMMAND, {"command": "deadbeef"}, "command"),
        ],
    )
    def test_name_what_was_asked_for(
        self, stage: Stage, log: Written, kind: str, detail: dict[str, str], cause: str
    ) -> None:
        try:
            stage.call(stage.ours(kind, **detail))
        except ParapetError as error:
            assert log.getvalue().count(str(error)[:20]) == 1
        for line in log.take():
            assert detail.items() <= line.items()
            assert line["cause"] == cause

    def test_tell_how_an_invocation_failed(self, stage: Stage, log: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PARAPET_TABLE")
        with pytest.raises(ParapetError):
            stage.call(broken(stage))
        failed, done = log.take()
        assert (failed["level"], failed["message"], failed["error"]) == ("ERROR", "not done", "ParapetError")
        assert "PARAPET_TABLE is not set" in failed["text"]
        assert done["Events"] == 1

    def test_of_a_busy_finding_are_no_error(self, log: Written) -> None:
        with pytest.raises(Busy), telemetry.invocation("guard_ec2", told.Context()):
            raise Busy("it is held")
        assert [line["level"] for line in log.take()] == ["WARNING", "INFO"]

    @pytest.mark.parametrize("function", ["sweep", "timer"])
    def test_end_every_invocation(self, stage: Stage, log: Written, function: str) -> None:
        stage.tick(function)
        [line] = log.take()
        assert (line["service"], line["message"]) == (function, "done")

    def test_that_cannot_be_written_stop_nobody(self, stage: Stage) -> None:
        closed = io.StringIO()
        closed.close()
        before = telemetry.stream.set(closed)
        try:
            [finding] = stage.call(broken(stage))
        finally:
            telemetry.stream.reset(before)
        assert finding.status == "fixed"

    def test_go_to_standard_output_by_default(self, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        stage.call(broken(stage))
        written = capsys.readouterr()
        assert written.err == ""
        assert len(emf.metrics(written.out.splitlines())) == 7


class TestEmbedded:
    def take(self, tallies: Mapping[str, Tally]) -> tuple[list[dict[str, Any]], emf.Metrics]:
        lines = list(embedded("test", tallies, int(time.time() * 1000)))
        return lines, emf.metrics(json.dumps(line) for line in lines)

    def test_several_guardrails_have_a_line_each_and_the_stage_has_all(self) -> None:
        lines, found = self.take(
            {
                "": {"Events": [1, 1]},
                "one": {"Findings": [1, 1], "SecondsToRemediate": [2.5, 3]},
                "two": {"Findings": [1], "Failures": [1]},
            }
        )
        stage = frozenset({("Stage", "test")})
        assert len(lines) == 2
        assert found["Events", stage] == [2]
        assert found["Findings", stage] == [2, 1]
        assert found["Findings", stage | {("Guardrail", "one")}] == [2]
        assert found["Findings", stage | {("Guardrail", "two")}] == [1]
        assert found["SecondsToRemediate", stage] == [2.5, 3]
        assert ("Events", stage | {("Guardrail", "one")}) not in found

    def test_more_values_than_a_line_takes_go_on_in_the_next(self) -> None:
        seconds = [float(number) for number in range(250)]
        lines, found = self.take({"": {}, "one": {"Fixes": [1] * 250, "SecondsToRemediate": seconds}})
        assert len(lines) == 3
        assert found["SecondsToRemediate", frozenset({("Stage", "test")})] == seconds
        assert found["Fixes", frozenset({("Stage", "test")})] == [250]

    def test_nothing_counted_is_no_metric(self) -> None:
        assert self.take({"": {}}) == ([{}], {})


GOOD: dict[str, Any] = {
    "_aws": {
        "Timestamp": 0,
        "CloudWatchMetrics": [
            {"Namespace": "Parapet", "Dimensions": [["Stage"]], "Metrics": [{"Name": "Events", "Unit": "Count"}]}
        ],
    },
    "Stage": "test",
    "Events": 1,
}


def spoiled(path: str, value: Any) -> str:
    """The good line with something else at a path; None takes it away."""
    line = json.loads(json.dumps(GOOD))
    line["_aws"]["Timestamp"] = int(time.time() * 1000)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner: Any = line
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(line)


DIRECTIVE = "_aws.CloudWatchMetrics.0"


class TestTheStandIn:
    def test_takes_a_good_line(self) -> None:
        assert emf.read(spoiled("more", "text")) == {("Events", frozenset({("Stage", "test")})): [1]}

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("_aws.Timestamp", None),
            ("_aws.Timestamp", "now"),
            ("_aws.Timestamp", 1_795_000_001),
            ("_aws.CloudWatchMetrics", None),
            ("_aws.CloudWatchMetrics", []),
            ("_aws.more", 1),
            (f"{DIRECTIVE}.Namespace", None),
            (f"{DIRECTIVE}.Namespace", ""),
            (f"{DIRECTIVE}.Namespace", "AWS/Lambda"),
            (f"{DIRECTIVE}.Dimensions", []),
            (f"{DIRECTIVE}.Dimensions", ["Stage"]),
            (f"{DIRECTIVE}.Dimensions", [["Stage"], ["Stage"]]),
            (f"{DIRECTIVE}.Dimensions", [["Guardrail"]]),
            (f"{DIRECTIVE}.Metrics", []),
            (f"{DIRECTIVE}.Metrics", [{"Name": "Events"}]),
            (f"{DIRECTIVE}.Metrics", [{"Name": "Events", "Unit": "Pieces"}]),
            (f"{DIRECTIVE}.Metrics", [{"Name": "Fixes", "Unit": "Count"}]),
            (f"{DIRECTIVE}.Metrics", [{"Name": "Events", "Unit": "Count"}] * 2),
            (f"{DIRECTIVE}.Metrics", [{"Name": f"m{n}", "Unit": "Count"} for n in range(101)]),
            ("Stage", None),
            ("Stage", 1),
            ("Stage", ""),
            ("Events", None),
            ("Events", "1"),
            ("Events", True),
            ("Events", []),
            ("Events", [1] * 101),
            ("Events", float("nan")),
        ],
    )
    def test_refuses_a_bad_one(self, path: str, value: Any) -> None:
        with pytest.raises(emf.Refused):
            emf.read(spoiled(path, value))

    @pytest.mark.parametrize("line", ["", "done", "[]", '{"a": 1, "a": 2}', '2026 INFO {"_aws": {}}'])
    def test_refuses_what_is_no_object(self, line: str) -> None:
        with pytest.raises(emf.Refused):
            emf.read(line)
