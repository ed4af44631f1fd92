"""The functions of PagerDuty and e-mail as Lambda calls them, under their own roles: with batches from their queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from chalice import Chalice

from chalicelib import wiring
from chalicelib.functions import notify_email, notify_pagerduty
from chalicelib.model import Destination, Notice
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.threads import Thread, Threads, mark
from local.pagerduty import KEY, PagerDutyStandIn
from tests.account import TABLE, TestAccount
from tests.functions.test_notify import Context
from tests.notices.rendered import ACKNOWLEDGED, ALERT, RESOLVED
from tests.notices.serving import serving
from tests.rights import QUEUES
from tests.samples import ACCOUNT, REGION

FIFO = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-test-email"
OTHER = replace(ALERT, key="b:1:firing", thread="b:1", fingerprint="b:1")


@dataclass
class Stage:
    """Both functions, their queues, PagerDuty's stand-in, and a mailbox that is a queue here."""

    account: TestAccount
    pagerduty: PagerDutyStandIn

    def __post_init__(self) -> None:
        app, sqs, sns = Chalice(app_name="parapet"), self.account.client("sqs"), self.account.client("sns")
        self.handlers = {}
        for name, module in (("notify_pagerduty", notify_pagerduty), ("notify_email", notify_email)):
            app.register_blueprint(module.blueprint)
            self.handlers[name] = self.account.running(name, getattr(module, name))
        self.queues = {
            name: sqs.create_queue(QueueName=QUEUES[name][0], Attributes=FIFO)["QueueUrl"]
            for name in ("pagerduty", "email")
        }
        self.mailbox = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        sns.create_topic(Name="parapet-test-email")
        subscribed = sns.subscribe(
            TopicArn=TOPIC, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:mailbox",
            Attributes={"FilterPolicy": '{"to": ["oncall@example.com"]}', "RawMessageDelivery": "true"},
        )  # fmt: skip
        assert subscribed["SubscriptionArn"]

    def tell(self, channel: str, *notices: Notice) -> list[bool]:
        """Send notices through a channel's queue; returns which of them were told."""
        Outbox(self.account.ours, {"slack": self.account.queue, **self.queues}, None).send(*notices)  # type: ignore[dict-item]
        sqs = self.account.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.queues[channel], MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=600
        )
        records = [
            {
                "messageId": one["MessageId"], "receiptHandle": one["ReceiptHandle"], "body": one["Body"],
                "attributes": one["Attributes"], "messageAttributes": {}, "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUES[channel][0]}", "awsRegion": REGION,
            }
            for one in answer["Messages"]
        ]  # fmt: skip
        failed = self.handlers[f"notify_{channel}"]({"Records": records}, Context())["batchItemFailures"]
        return [one["messageId"] not in {each["itemIdentifier"] for each in failed} for one in records]

    def record(self, channel: str) -> Thread:
        return Threads(self.account.ours, TABLE, channel).read(mark(ALERT.thread))

    def mails(self) -> list[str]:
        answer = self.account.client("sqs").receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10)
        return [one["Body"] for one in answer.get("Messages", [])]


@contextmanager
def channels(account: TestAccount) -> Iterator[Stage]:
    """The environment of both functions."""
    account.client("ssm").put_parameter(Name="/parapet/pagerduty-key", Value=KEY, Type="SecureString")
    stand_in, before = PagerDutyStandIn(), list(wiring._given)
    with pytest.MonkeyPatch.context() as patch, serving(stand_in) as url:
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_STAGE": "test", "PARAPET_TABLE": TABLE, "PARAPET_EMAIL_TOPIC": TOPIC,
            "PARAPET_PAGERDUTY_KEY": "/parapet/pagerduty-key", "PARAPET_PAGERDUTY_URL": f"{url}/v2/enqueue",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        wiring.use(account.functions)
        notify_pagerduty.pagerduty.cache_clear()
        notify_email.email.cache_clear()
        yield Stage(account, stand_in)
        notify_pagerduty.pagerduty.cache_clear()
        notify_email.email.cache_clear()
        wiring._given[:] = before
        wiring.pipeline.cache_clear()


def play(account: TestAccount) -> None:
    """Tell an alert from its beginning to its end by both."""
    with channels(account) as stage:
        for channel in stage.queues:
            assert stage.tell(channel, ALERT, RESOLVED) == [True, True]


@pytest.fixture
def stage(account: TestAccount) -> Iterator[Stage]:
    with channels(account) as found:
        yield found


def test_an_alert_is_opened_acknowledged_and_resolved_in_its_order(stage: Stage) -> None:
    assert stage.tell("pagerduty", ALERT, ACKNOWLEDGED, RESOLVED) == [True, True, True]
    assert [one["event_action"] for one in stage.pagerduty.received] == ["trigger", "acknowledge", "resolve"]
    [incident] = stage.pagerduty.incidents
    assert incident.status == "resolved"


def test_after_a_threads_first_failure_the_rest_waits_and_other_threads_go_on(stage: Stage) -> None:
    stage.pagerduty.fail("429", seconds=60)
    assert stage.tell("pagerduty", ALERT, RESOLVED, OTHER) == [False, False, True]
    assert [one["dedup_key"] for one in stage.pagerduty.received] == ["b:1"]


def test_whom_it_is_escalated_to_is_paged_also_when_the_first_service_refuses(stage: Stage) -> None:
    refused = replace(ALERT, destination=Destination(slack="#checkout", pagerduty="other"))
    escalated = replace(ALERT, key=f"{ALERT.key}:default", destination=Destination(pagerduty="default"))
    assert stage.tell("pagerduty", refused, escalated) == [False, True]
    assert [one["event_action"] for one in stage.pagerduty.received] == ["trigger"]


def test_a_service_without_a_key_is_a_failure_that_the_log_explains(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = replace(ALERT, destination=Destination(pagerduty="other"))
    assert stage.tell("pagerduty", elsewhere) == [False]
    said = capsys.readouterr().out
    assert 'put other = \\"ssm:/where/it/is\\" under [pagerduty]' in said
    assert '"Failures"' in said


def test_a_test_that_is_refused_is_over_and_its_record_says_why(stage: Stage) -> None:
    refused = replace(ALERT, test=True, destination=Destination(pagerduty="other"))
    assert stage.tell("pagerduty", refused) == [True]
    [failed] = stage.record("pagerduty").failed
    assert (failed.key, failed.final) == (mark(ALERT.key), True)
    assert 'put other = "ssm:/where/it/is" under [pagerduty]' in failed.why


def test_a_test_that_may_still_come_is_tried_again(stage: Stage) -> None:
    stage.pagerduty.fail("429", seconds=60)
    assert stage.tell("pagerduty", replace(ALERT, test=True)) == [False]
    [failed] = stage.record("pagerduty").failed
    assert (failed.final, "asks to wait 60 s" in failed.why) == (False, True)


def test_what_is_no_test_is_not_recorded_as_failed(stage: Stage) -> None:
    assert stage.tell("pagerduty", replace(ALERT, destination=Destination(pagerduty="other"))) == [False]
    assert stage.record("pagerduty").rev == 0


def test_mail_reaches_whom_it_is_for_and_nobody_else(stage: Stage) -> None:
    for_another = replace(OTHER, destination=Destination(email=("other@example.com",)))
    assert stage.tell("email", ALERT, for_another) == [True, True]
    [mail] = stage.mails()
    assert mail.startswith("checkout-5xx: 12.5 % of requests fail\n")
