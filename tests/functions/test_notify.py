"""The functions of the outbox as Lambda calls them: notify with batches, failures with records."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import telemetry, wiring
from chalicelib.functions import failures as failures_module
from chalicelib.functions import notify as notify_module
from chalicelib.model import Notice
from chalicelib.notices.outbox import Outbox
from local.slack import SlackStandIn
from local.workspace import ALICE, BOB
from tests.account import TABLE, TestAccount
from tests.notices.samples import FIXED, UNDONE, notice
from tests.notices.serving import serving
from tests.samples import ACCOUNT, REGION

PARAMETER = "/parapet/slack-token"
TOKEN = "xoxb-synthetic-token-1"


@dataclass
class Context:
    """What Lambda tells about an invocation."""

    function_name: str = "parapet-test-notify"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "00000000-0000-4000-8000-000000000001"
    milliseconds: int = 30_000
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-notify"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Stage:
    """The functions as deployed: called with Lambda's own events, through Chalice."""

    account: TestAccount
    slack: SlackStandIn
    handlers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        app = Chalice(app_name="parapet")
        for module in (notify_module, failures_module):
            app.register_blueprint(module.blueprint)
        handlers = {"notify": notify_module.notify, "failures": failures_module.failures}
        self.handlers = {name: self.account.running(name, handler) for name, handler in handlers.items()}

    def receive(self) -> list[dict[str, Any]]:
        """What SQS hands to Lambda: a batch of the queue's messages."""
        sqs = self.account.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.account.queue, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=600
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-slack.fifo",
                "awsRegion": REGION,
            }
            for message in answer.get("Messages", [])
        ]

    def notify(self, *notices: Notice | str, milliseconds: int = 30_000) -> list[bool]:
        """Send notices through the queue; returns which of them were told."""
        for one in notices:
            if isinstance(one, Notice):
                Outbox(self.account.ours, {"slack": self.account.queue}, None).send(one)
            else:
                self.account.client("sqs").send_message(
                    QueueUrl=self.account.queue, MessageBody=one, MessageGroupId="odd", MessageDeduplicationId="odd"
                )
        records = self.receive()
        answer = self.handlers["notify"]({"Records": records}, Context(milliseconds=milliseconds))
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert failed <= {record["messageId"] for record in records}
        return [record["messageId"] not in failed for record in records]

    def fail(self, message: str) -> list[Any]:
        """Publish to the failures topic; returns the notices in the outbox."""
        record: dict[str, Any] = {
            "Sns": {"Message": message, "Subject": None, "TopicArn": "arn:aws:sns:…", "MessageAttributes": {}}
        }
        self.handlers["failures"]({"Records": [{"EventSource": "aws:sns", **record}]}, Context())
        return self.account.notices()


@pytest.fixture
def stage(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    slack = SlackStandIn(token=TOKEN)
    account.client("ssm").put_parameter(Name=PARAMETER, Value=TOKEN, Type="SecureString")
    with serving(slack) as url:
        for name, value in {
            "AWS_REGION": REGION,
            "PARAPET_TABLE": TABLE,
            "PARAPET_SLACK_TOKEN": PARAMETER,
            "PARAPET_SLACK_QUEUE": account.queue,
            "PARAPET_SLACK_URL": f"{url}/api/",
        }.items():
            monkeypatch.setenv(name, value)
        wiring.use(account.functions)
        notify_module.slack.cache_clear()
        yield Stage(account, slack)
        notify_module.slack.cache_clear()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the function writes to its log."""
    written = io.StringIO()
    before = telemetry.stream.set(written)
    yield written
    telemetry.stream.reset(before)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines about notices, without those that end an invocation."""
    return [line for line in map(json.loads, log.getvalue().splitlines()) if "message_id" in line]


class TestNotify:
    def test_tells_every_notice_of_a_batch_in_order(self, stage: Stage) -> None:
        other = notice(key="other:0:fixed", thread="other", finding="other", title="Fixed: other")
        assert stage.notify(FIXED, other, UNDONE) == [True, True, True]
        titles = [message["blocks"][0]["text"]["text"] for message in stage.slack.threads()]
        assert titles == [f"↩️ {UNDONE.title}", "✅ Fixed: other"]

    def test_keeps_a_thread_back_after_its_first_failure_and_goes_on_with_the_others(self, stage: Stage) -> None:
        other = notice(key="other:0:fixed", thread="other", finding="other", title="Fixed: other")
        stage.slack.fail("500")
        assert stage.notify(FIXED, UNDONE, other) == [False, False, True]
        assert stage.receive() == []
        assert [message["blocks"][0]["text"]["text"] for message in stage.slack.threads()] == ["✅ Fixed: other"]

    def test_a_batch_that_fails_as_a_whole_is_answered_and_not_raised(self, stage: Stage) -> None:
        stage.slack.tokens.clear()
        assert stage.notify(FIXED, UNDONE) == [False, False]

    def test_a_body_that_is_no_notice_fails_alone_and_is_logged(self, stage: Stage, log: io.StringIO) -> None:
        assert stage.notify("{}", FIXED) == [False, True]
        bad, good = lines(log)
        assert "not a notice of Parapet" in bad["message"]
        assert (bad["level"], good["level"]) == ("ERROR", "INFO")

    def test_logs_one_line_per_notice(self, stage: Stage, log: io.StringIO) -> None:
        stage.notify(FIXED)
        stage.handlers["notify"]({"Records": [_record(FIXED)]}, Context())
        sent, known = lines(log)
        assert (sent["notice"], sent["in_thread"], sent["outcome"]) == (FIXED.key, FIXED.thread, "sent")
        assert known["outcome"] == "known"
        assert isinstance(sent["ms"], int)

    def test_never_logs_the_token(self, stage: Stage, log: io.StringIO) -> None:
        stage.slack.tokens.clear()
        stage.notify(FIXED)
        assert PARAMETER in log.getvalue()
        assert TOKEN not in log.getvalue()

    def test_leaves_to_the_next_invocation_what_it_has_no_time_for(self, stage: Stage) -> None:
        assert stage.notify(FIXED, milliseconds=3000) == [False]
        assert stage.slack.calls == []

    def test_the_same_message_delivered_twice_is_told_once(self, stage: Stage) -> None:
        for _ in range(2):
            stage.handlers["notify"]({"Records": [_record(FIXED)]}, Context())
        assert len(stage.slack.messages) == 1

    def test_an_outcome_is_told_where_it_was_asked_for_too_and_once(self, stage: Stage, log: io.StringIO) -> None:
        channel, url = stage.slack.channels[0], os.environ["PARAPET_SLACK_URL"].removesuffix("/api/")
        asked = notice(reply_to=url + stage.slack.hook("commands", channel, ALICE.id))
        assert stage.notify(asked) == [True]
        stage.handlers["notify"]({"Records": [_record(asked)]}, Context())
        assert [one.message["text"].split(":")[0] for one in stage.slack.ephemerals] == ["✅ Fixed"]
        assert "/hooks/" not in log.getvalue()

    def test_an_outcome_that_cannot_be_told_there_is_told_all_the_same(self, stage: Stage, log: io.StringIO) -> None:
        url = os.environ["PARAPET_SLACK_URL"].removesuffix("/api/")
        gone, strange = f"{url}/hooks/commands/T0/0/gone", "https://example.com/x"
        assert stage.notify(notice(reply_to=gone), notice(key="k2", reply_to=strange)) == [True, True]
        told = [line["note"] for line in lines(log)]
        assert "too old" in told[0]
        assert "is not Slack's" in told[1]
        assert len(stage.slack.messages) == 2

    def test_tells_one_person_directly_whom_the_settings_name_and_logs_whom_nobody_knows(
        self, stage: Stage, log: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
        file = tmp_path / "parapet.toml"
        file.write_text(f'[people.bob]\nslack = "{BOB.id}"\naws = ["{role}"]\n', "utf-8")
        monkeypatch.setenv("PARAPET_SETTINGS", str(file))
        sessions = [f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/build-7" for name in ("deploy", "other")]
        own = [notice(key=f"{one}:person", thread=f"{one}:person", to=one, actions=()) for one in sessions]
        assert stage.notify(*own) == [True, True]
        [room] = stage.slack.direct.values()
        assert (room.user, len(stage.slack.threads(room.id)), stage.slack.threads()) == (BOB.id, 1, [])
        sent, nobody = lines(log)
        assert (sent["outcome"], nobody["outcome"]) == ("sent", "nobody")
        assert "is nobody's under [people]" in nobody["note"]

    def test_needs_no_app(self) -> None:
        assert callable(notify_module.notify)


class TestFailures:
    def test_a_failed_event_becomes_a_notice_and_a_message(self, stage: Stage) -> None:
        record = {
            "requestContext": {
                "requestId": "r1",
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-guard_ec2:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": {"detail-type": "Parapet Sweep", "detail": {"guardrail": "ec2_security_group_open"}},
            "responsePayload": {"errorType": "Busy", "errorMessage": "it is held"},
        }
        (trouble,) = stage.fail(json.dumps(record))
        assert trouble.title == "parapet-test-guard_ec2 gave up on Parapet Sweep"
        stage.handlers["notify"]({"Records": [_record(trouble)]}, Context())
        (message,) = stage.slack.threads()
        assert message["blocks"][0]["text"]["text"] == f"⚠️ {trouble.title}"

    @pytest.mark.parametrize("message", ["", "null", "[]", "{}", '{"requestContext": 1}', "\u2028 text"])
    def test_anything_else_becomes_one_too(self, stage: Stage, message: str) -> None:
        (trouble,) = stage.fail(message)
        assert trouble.kind == "trouble"


def _record(one: Notice) -> dict[str, Any]:
    return {
        "messageId": "m1",
        "receiptHandle": "h1",
        "body": json.dumps(asdict(one)),
        "attributes": {"MessageGroupId": one.thread},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-slack.fifo",
        "awsRegion": REGION,
    }
