"""The alert function as deployed: messages of its queue in, notices and work for others out, under its role."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import commands, telemetry, wiring
from chalicelib.alerts.book import Book
from chalicelib.enrich import asked
from chalicelib.functions import alert as module
from chalicelib.functions import timer as timing
from chalicelib.model import Asker, Notice
from chalicelib.notices import outbox
from tests.account import TABLE, TestAccount
from tests.rights import QUEUES
from tests.samples import ACCOUNT, REGION

TICK = {
    "version": "0", "id": "tick", "detail-type": "Scheduled Event", "source": "aws.events", "account": ACCOUNT,
    "time": "2026-11-21T08:00:00Z", "region": REGION, "resources": [], "detail": {},
}  # fmt: skip
SETTINGS = """
[[routes]]
severity = ["critical", "high"]
slack = "#checkout"
pagerduty = "default"
email = ["oncall@example.com"]

[[remedies]]
alarm = "checkout-*"
guardrail = "lambda_alias_failing"
resource = "checkout:live"
"""


@dataclass
class Context:
    aws_request_id: str = "request-1"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-alert"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass
class Stage:
    """The function with its queues."""

    account: TestAccount
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        app = Chalice(app_name="parapet")
        for one in (module, timing):
            app.register_blueprint(one.blueprint)
        self.alert = self.account.running("alert", module.alert)
        self.timer = self.account.running("timer", timing.timer)

    def take(self, *bodies: Any) -> list[bool]:
        """Deliver messages; returns which of them were taken."""
        records = [self.record(body if isinstance(body, str) else json.dumps(body)) for body in bodies]
        answer = self.alert({"Records": records}, Context())
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        return [record["messageId"] not in failed for record in records]

    def record(self, body: str) -> dict[str, Any]:
        return {
            "messageId": f"message-{next(self.ids)}",
            "receiptHandle": "handle",
            "body": body,
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-test-alerts",
            "awsRegion": REGION,
        }

    def messages(self, queue: str) -> list[str]:
        """Take what is in a queue."""
        sqs, url = self.account.client("sqs"), QUEUES[queue][1]
        found: list[str] = []
        while True:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not got:
                return found
            for one in got:
                found.append(one["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])

    def notices(self, channel: str) -> list[Notice]:
        """Take the notices out of a channel's queue."""
        return [outbox.load(body) for body in self.messages(channel)]


def alarm(state: str = "ALARM", name: str = "checkout-5xx", minute: int = 0, **more: Any) -> dict[str, Any]:
    """What SNS brings of an alarm's change."""
    message = {
        "AlarmName": name,
        "AlarmDescription": "Too many errors",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0).",
        "StateChangeTime": f"2026-11-21T08:{minute:02d}:00.000+0000",
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "OldStateValue": "OK",
        "Trigger": {
            "MetricName": "5xx", "Namespace": "Shop", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": None,
            "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 5.0, "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
        },
        **more,
    }  # fmt: skip
    return {
        "Type": "Notification",
        "MessageId": f"{name}-{state}-{minute}",
        "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-test-alerts",
        "Subject": f'{state}: "{name}" in EU (Ireland)',
        "Message": json.dumps(message),
        "Timestamp": f"2026-11-21T08:{minute:02d}:01.000Z",
    }


@pytest.fixture
def stage(account: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    with staged(account, monkeypatch, tmp_path) as one:
        yield one


@contextmanager
def staged(account: TestAccount, patch: pytest.MonkeyPatch, folder: Path) -> Iterator[Stage]:
    """The environment of the function, with routes and a remedy in the settings."""
    (folder / "parapet.toml").write_text(SETTINGS, "utf-8")
    for name, variable in (("alerts", "ALERT"), ("enrich", "ENRICH"), ("pagerduty", "PAGERDUTY"), ("email", "EMAIL")):
        queue, url = QUEUES[name]
        fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
        made = account.client("sqs").create_queue(QueueName=queue, Attributes=fifo)["QueueUrl"]
        assert made == url
        patch.setenv(f"PARAPET_{variable}_QUEUE", url)
    for name, value in {
        "AWS_REGION": REGION,
        "PARAPET_STAGE": "test",
        "PARAPET_TABLE": TABLE,
        "PARAPET_SLACK_QUEUE": account.queue,
        "PARAPET_SETTINGS": str(folder / "parapet.toml"),
    }.items():
        patch.setenv(name, value)
    wiring.use(account.functions)
    module.dispatch.cache_clear()
    module.settings.cache_clear()
    account.set(remedies=module.settings(ACCOUNT).remedies)
    yield Stage(account)
    module.dispatch.cache_clear()
    module.settings.cache_clear()


def play(stage: Stage) -> None:
    """All that the function does: alarms that join and end, commands, looks, remedies; and the timer's part of it."""
    account = stage.account
    assert all(stage.take(alarm(), alarm(name="checkout-latency"), alarm("OK", name="search")))
    composite: dict[str, Any] = {"AlarmRule": 'ALARM("part")', "Trigger": None, "TriggeringChildren": []}
    assert all(stage.take(alarm(name="whole", minute=1, **composite), alarm(name="part", minute=2)))
    book = Book(account.ours, TABLE)
    for group in book.groups():
        for kind in ("silence", "dismiss"):
            asker, now = Asker("bob", f"arn:aws:iam::{ACCOUNT}:user/bob", "cli"), time.time()
            until = now + 60 if kind == "silence" else 0.0
            command = commands.new(kind, asker, now, account.settings, alert=group.id, until=until)
            account.journal.ask(command)
            assert stage.take(
                {
                    **TICK,
                    "source": "parapet",
                    "detail-type": "Parapet Command",
                    "detail": {"service": "alert", "command": command.id},
                }
            ) == [True]
        assert stage.take({"look": {"group": group.id}}) == [True]
    for one in book.look(["x"], []).inhibitors:
        assert stage.take({"look": {"alert": one.fingerprint}}) == [True]
    assert stage.take(alarm("OK", name="whole", minute=9, **composite)) == [True]
    ours = account.aws("timer")
    timing.look(Book(ours, TABLE), ours, QUEUES["alerts"][1], time.time() + 7200)


class TestAlert:
    def test_everything_is_done_within_its_rights(self, stage: Stage) -> None:
        play(stage)

    def test_an_alarm_goes_to_every_channel_of_its_route_and_its_evidence_is_asked_for(self, stage: Stage) -> None:
        assert stage.take(alarm()) == [True]
        for channel in ("slack", "pagerduty", "email"):
            (told,) = stage.notices(channel)
            assert (told.status, told.source, told.name) == ("firing", "alarm", "checkout-5xx")
            assert told.destination is not None
            assert told.destination.slack == "#checkout"
        (wanted,) = stage.messages("enrich")
        assert asked.load(wanted).signal.name == "checkout-5xx"

    def test_a_budget_has_what_may_be_stopped_looked_at(self, stage: Stage) -> None:
        text = f"""AWS Budget Notification November 21, 2026
AWS Account {ACCOUNT}

Dear AWS Customer,

You requested that we alert you when the ACTUAL Cost associated with your team-shop budget is greater than $800.00.

Budget Name: team-shop
Budget Type: Cost
Budgeted Amount: $1,000.00
Alert Type: ACTUAL
Alert Threshold: > $800.00
ACTUAL Amount: $812.34
"""
        assert stage.take({**alarm(), "MessageId": "budget-1", "Subject": "AWS Budgets: team-shop", "Message": text})
        assert [one.source for one in stage.notices("slack")] == ["budget"]
        assert len(stage.messages("enrich")) == 1
        # A sweep of this one guardrail, so that nobody waits for the hour.
        assert "events:PutEvents" in [call.name for call in stage.account.wire.calls]

    def test_its_end_resolves_what_it_paged(self, stage: Stage) -> None:
        stage.take(alarm())
        stage.take(alarm("OK", minute=5))
        assert [one.page for one in stage.notices("pagerduty")] == ["trigger", "resolve"]

    def test_what_nobody_foresaw_is_told(self, stage: Stage) -> None:
        assert stage.take("not even JSON", {"surprise": [1, 2]}) == [True, True]
        first, second = stage.notices("slack")
        assert "not even JSON" in first.lines[-1]
        assert "surprise" in second.lines[-1]

    def test_a_look_in_somebody_elses_words_is_no_look_of_ours(self, stage: Stage) -> None:
        # Whoever may publish to the topic gets no further than its envelope.
        stage.take({"Type": "Notification", "MessageId": "m", "Message": '{"look": {"group": "a-00000000"}}'})
        assert len(stage.notices("slack")) == 1

    def test_a_command_is_carried_out(self, stage: Stage) -> None:
        stage.take(alarm())
        (group,) = Book(stage.account.ours, TABLE).groups()
        asker = Asker("bob", f"arn:aws:iam::{ACCOUNT}:user/bob", "cli")
        now = time.time()
        command = commands.new("acknowledge", asker, now, stage.account.settings, alert=group.id, question=1)
        stage.account.journal.ask(command)
        event = {**TICK, "source": "parapet", "detail-type": "Parapet Command", "detail": {"service": "alert"}}
        event["detail"] = {"service": "alert", "command": command.id}
        assert stage.take(event) == [True]
        answered = stage.account.journal.command(command.id)
        assert answered
        assert answered.status == "done"
        assert [one.page for one in stage.notices("pagerduty")] == ["trigger", "acknowledge"]

    def test_what_fails_comes_again_and_the_rest_is_taken(self, stage: Stage) -> None:
        unknown = {**TICK, "source": "parapet", "detail-type": "Parapet Command", "detail": {"command": "0" * 16}}
        assert stage.take(unknown, alarm()) == [False, True]

    def test_the_timer_has_due_alerts_looked_at(self, stage: Stage) -> None:
        stage.take(alarm(), alarm(name="checkout-latency"))
        book = Book(stage.account.ours, TABLE)
        (group,) = book.groups()
        assert group.waiting
        # One reminder, which SQS keeps back for a while; the timer needs none.
        ours = stage.account.aws("timer")
        timing.look(Book(ours, TABLE), ours, QUEUES["alerts"][1], time.time() + 60)
        (look,) = stage.messages("alerts")
        assert json.loads(look) == {"look": {"group": group.id}}

    def test_what_was_found_out_stands_in_what_is_told_later(self, stage: Stage) -> None:
        stage.take(alarm())
        [first] = stage.notices("slack")
        found = replace(
            first, key=f"{first.key}:evidence", facts=(("Usual", "1"),), links=(("Logs", "https://x.example"),)
        )
        assert stage.take({"evidence": outbox.dump(found)}) == [True]
        stage.take(alarm("OK", minute=5))
        [last] = stage.notices("slack")
        assert (last.status, last.facts, last.links) == ("resolved", found.facts, found.links)
        # Not what belongs to another episode, and nothing that came over the topic.
        assert stage.take({"evidence": outbox.dump(replace(found, thread="a-00000000:9"))}) == [True]

    def test_our_own_secrets_go_no_further(self, stage: Stage) -> None:
        stage.take(alarm(NewStateReason="token xoxb-12345678-secret was refused"))
        assert "xoxb-12345678" not in json.dumps([outbox.dump(one) for one in stage.notices("slack")])

    def test_each_message_has_its_line_in_the_log(self, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        stage.take(alarm())
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        (line,) = [one for one in lines if one.get("outcome") == "taken"]
        assert line["source"] == "alarm"
        assert telemetry.stream.get() is None
