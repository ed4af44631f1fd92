"""`redrive`: what lies in the dead letters is shown, and goes back where it came from, none of it lost."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.model import AwsError, Destination, ParapetError
from chalicelib.notices.outbox import Outbox, load
from cli import dead_letters
from cli.dead_letters import Letters
from tests.account import TestAccount
from tests.cli.terminal import Terminal
from tests.notices import rendered
from tests.samples import ACCOUNT, REGION

ALERT, RESOLVED = (
    replace(one, destination=Destination(slack="#oncall")) for one in (rendered.ALERT, rendered.RESOLVED)
)
OTHER = replace(ALERT, key="b:1", thread="b:1")
FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
RECORD = {
    "timestamp": "2026-11-21T10:00:00.000Z",
    "requestContext": {
        "requestId": "00000000-0000-4000-8000-000000000001",
        "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-guard-ec2:$LATEST",
        "condition": "RetriesExhausted", "approximateInvokeCount": 3,
    },
    "requestPayload": {"detail-type": "Scheduled Event", "detail": {}},
    "responsePayload": {"errorType": "AwsError", "errorMessage": "ec2:DescribeInstances answered AccessDenied"},
}  # fmt: skip


class Calls:
    """Our account, in which Lambda only hears what it is to do, and any call can fail."""

    def __init__(self, account: TestAccount) -> None:
        self._aws = account.ours
        self.account, self.region = self._aws.account, self._aws.region
        self.invoked: list[tuple[str, Any]] = []
        self.failing: set[str] = set()

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if operation in self.failing:
            raise AwsError(f"{service}:{operation}", "InternalError", "down")
        if service == "lambda":
            assert params["InvocationType"] == "Event"
            self.invoked.append((params["FunctionName"], json.loads(params["Payload"])))
            return {"StatusCode": 202}
        return self._aws(service, operation, absent=absent, **params)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return self._aws.all(service, operation, key, **params)


class Room:
    """The queues of a stage in an account."""

    def __init__(self, account: TestAccount) -> None:
        self.sqs = account.client("sqs")
        self.aws = Calls(account)
        self.urls = {
            name: self.sqs.create_queue(
                QueueName=f"parapet-test-{name}", Attributes=FIFO if name.endswith(".fifo") else {}
            )["QueueUrl"]
            for name in (
                "slack.fifo", "slack-dead-letters.fifo", "pagerduty.fifo", "pagerduty-dead-letters.fifo",
                "alerts", "alerts-dead-letters", "dead-letters", "rule-dead-letters",
            )
        }  # fmt: skip

    def give_up(self, name: str, body: str, **more: Any) -> None:
        self.sqs.send_message(QueueUrl=self.urls[name], MessageBody=body, **more)

    def bodies(self, name: str) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=self.urls[name], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [one["Body"] for one in found.get("Messages", [])]

    def letters(self, name: str) -> Letters:
        [found] = [one for one in dead_letters.queues(self.aws, "test") if one.name == name]
        return found

    def put_back(self, name: str) -> int:
        return dead_letters.put_back(self.aws, self.letters(name), lambda _: None, 0.0)

    def notices(self, *notices: Any) -> None:
        Outbox(self.aws, {"slack": self.urls["slack-dead-letters.fifo"]}, None).send(*notices)


@pytest.fixture
def room(account: TestAccount) -> Room:
    return Room(account)


def test_those_of_the_stage_are_found_with_what_lies_in_each(room: Room) -> None:
    room.give_up("dead-letters", "{}")
    room.sqs.create_queue(QueueName="parapet-other-dead-letters")
    found = dead_letters.queues(room.aws, "test")
    assert [(one.name, one.count) for one in found] == [
        ("alerts-dead-letters", 0), ("dead-letters", 1), ("pagerduty-dead-letters", 0), ("rule-dead-letters", 0),
        ("slack-dead-letters", 0),
    ]  # fmt: skip


class TestNotices:
    def test_go_back_into_their_channel_in_their_order(self, room: Room) -> None:
        room.notices(ALERT, RESOLVED)
        assert room.put_back("slack-dead-letters") == 2
        assert [load(body).status for body in room.bodies("slack.fifo")] == ["firing", "resolved"]
        assert room.bodies("slack-dead-letters.fifo") == []

    def test_are_not_taken_for_what_was_delivered_minutes_ago(self, room: Room) -> None:
        """SQS drops what has the number of a message of the last five minutes."""
        Outbox(room.aws, {"slack": room.urls["slack.fifo"]}, None).send(ALERT)
        for one in room.sqs.receive_message(QueueUrl=room.urls["slack.fifo"])["Messages"]:
            room.sqs.delete_message(QueueUrl=room.urls["slack.fifo"], ReceiptHandle=one["ReceiptHandle"])
        room.notices(ALERT)
        assert room.put_back("slack-dead-letters") == 1
        assert [load(body).key for body in room.bodies("slack.fifo")] == [ALERT.key]

    def test_of_a_test_are_dropped_but_for_what_closes_its_incident(self, room: Room) -> None:
        for name in ("slack", "pagerduty"):
            queue = {"slack": room.urls[f"{name}-dead-letters.fifo"]}
            tests = (replace(ALERT, test=True), replace(RESOLVED, test=True), OTHER)
            Outbox(room.aws, queue, None).send(*tests)  # type: ignore[arg-type]
        assert room.put_back("slack-dead-letters") == 1
        assert [load(body).key for body in room.bodies("slack.fifo")] == [OTHER.key]
        assert room.put_back("pagerduty-dead-letters") == 2
        assert {load(body).key for body in room.bodies("pagerduty.fifo")} == {RESOLVED.key, OTHER.key}
        assert room.bodies("slack-dead-letters.fifo") + room.bodies("pagerduty-dead-letters.fifo") == []

    def test_say_what_they_are(self, room: Room) -> None:
        room.notices(ALERT)
        [letter] = dead_letters.look(room.aws, room.letters("slack-dead-letters"), 0.0)
        assert letter.what == "firing: checkout-5xx: 12.5 % of requests fail"


class TestFailures:
    def test_invoke_the_function_again_as_it_is_now(self, room: Room) -> None:
        room.give_up("dead-letters", json.dumps(RECORD))
        assert room.put_back("dead-letters") == 1
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-guard-ec2"
        assert room.aws.invoked == [(function, RECORD["requestPayload"])]
        assert room.bodies("dead-letters") == []

    def test_say_which_function_and_why(self, room: Room) -> None:
        room.give_up("dead-letters", json.dumps(RECORD))
        [letter] = dead_letters.look(room.aws, room.letters("dead-letters"), 0.0)
        assert letter.what.startswith("parapet-test-guard-ec2 gave up on")
        assert "answered AccessDenied" in letter.why

    @pytest.mark.parametrize("body", ["{}", "no JSON", '{"requestContext": {}, "requestPayload": {}}'])
    def test_that_are_no_record_stay_and_are_named(self, room: Room, body: str) -> None:
        room.give_up("dead-letters", body)
        with pytest.raises(ParapetError, match="holds what is no record of Lambda's"):
            room.put_back("dead-letters")
        assert room.letters("dead-letters").name
        assert room.aws.invoked == []


def rule(target: str) -> dict[str, Any]:
    """What EventBridge says of an event that it could not deliver."""
    told = {
        "RULE_ARN": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/parapet-test-timer", "TARGET_ARN": target,
        "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "The function may not be invoked.",
    }  # fmt: skip
    return {"MessageAttributes": {name: {"DataType": "String", "StringValue": one} for name, one in told.items()}}


class TestRules:
    EVENT = json.dumps({"detail-type": "Scheduled Event", "detail": {}})

    def test_give_the_event_to_their_function_again(self, room: Room) -> None:
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-timer"
        room.give_up("rule-dead-letters", self.EVENT, **rule(function))
        [letter] = dead_letters.look(room.aws, room.letters("rule-dead-letters"), 0.0)
        assert (letter.what, letter.why) == (
            "Scheduled Event for parapet-test-timer", "The function may not be invoked.",
        )  # fmt: skip
        assert room.put_back("rule-dead-letters") == 1
        assert room.aws.invoked == [(function, json.loads(self.EVENT))]

    def test_or_to_their_queue(self, room: Room) -> None:
        room.give_up("rule-dead-letters", self.EVENT, **rule(f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-test-alerts"))
        assert room.put_back("rule-dead-letters") == 1
        assert room.bodies("alerts") == [self.EVENT]

    @pytest.mark.parametrize("target", [f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/x", "odd"])
    def test_for_anything_else_are_left(self, room: Room, target: str) -> None:
        room.give_up("rule-dead-letters", self.EVENT, **rule(target))
        with pytest.raises(ParapetError, match="which it cannot be given again"):
            room.put_back("rule-dead-letters")


class TestInterruption:
    def test_before_sending_leaves_the_message_where_it_is(self, room: Room) -> None:
        room.give_up("alerts-dead-letters", "{}")
        room.aws.failing.add("send_message")
        with pytest.raises(AwsError):
            room.put_back("alerts-dead-letters")
        attributes = room.sqs.get_queue_attributes(
            QueueUrl=room.urls["alerts-dead-letters"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
        assert room.bodies("alerts") == []

    def test_between_sending_and_deleting_leaves_it_twice_and_never_nowhere(self, room: Room) -> None:
        room.give_up("alerts-dead-letters", '{"x": 1}')
        room.aws.failing.add("delete_message")
        with pytest.raises(AwsError):
            room.put_back("alerts-dead-letters")
        assert room.bodies("alerts") == ['{"x": 1}']

    def test_what_comes_back_meanwhile_is_not_put_back_for_ever(self, room: Room) -> None:
        room.give_up("alerts-dead-letters", "{}")
        letters = room.letters("alerts-dead-letters")

        def again(_: Any) -> None:
            room.give_up("alerts-dead-letters", "{}")

        assert dead_letters.put_back(room.aws, letters, again, 0.0) == 1
        assert len(room.bodies("alerts-dead-letters")) == 1


class TestCommand:
    def test_shows_what_lies_there_and_does_nothing_by_itself(self, room: Room, terminal: Terminal) -> None:
        room.notices(ALERT)
        text = terminal.out("redrive")
        assert re.search(r"slack-dead-letters +1 .*firing: checkout-5xx", text)
        assert text.endswith("Nothing was put back.\n")
        assert len(room.bodies("slack-dead-letters.fifo")) == 1

    def test_puts_back_one_queue_when_told_to(self, room: Room, terminal: Terminal) -> None:
        room.notices(ALERT)
        room.give_up("alerts-dead-letters", "{}")
        assert "put back: firing: checkout-5xx" in terminal.out("redrive", "slack-dead-letters", "--yes")
        assert (len(room.bodies("slack.fifo")), len(room.bodies("alerts-dead-letters"))) == (1, 1)

    def test_says_what_it_drops(self, room: Room, terminal: Terminal) -> None:
        room.notices(replace(ALERT, test=True))
        assert "an old test is dropped, not put back" in terminal.out("redrive")
        assert "dropped: TEST · firing: checkout-5xx" in terminal.out("redrive", "--yes")
        assert room.bodies("slack-dead-letters.fifo") + room.bodies("slack.fifo") == []

    def test_asks_a_person_whether_the_cause_is_mended(self, room: Room, terminal: Terminal) -> None:
        room.notices(ALERT)
        terminal.person = True
        assert "Nothing was put back." in terminal.run("redrive", typed="n\n").stdout
        assert "put back: firing" in terminal.run("redrive", typed="y\n").stdout

    def test_says_so_when_there_is_nothing(self, room: Room, terminal: Terminal) -> None:
        assert terminal.out("redrive") == "Nothing lies in the dead letters.\n"

    def test_tells_programs_the_same(self, room: Room, terminal: Terminal) -> None:
        room.notices(ALERT)
        [one] = terminal.json("redrive", "--yes")["queues"]
        assert (one["queue"], one["count"], one["put_back"], one["dropped"]) == ("slack-dead-letters", 1, 1, 0)
        assert one["messages"][0]["what"].startswith("firing: ")

    def test_knows_which_queue_was_meant(self, room: Room, terminal: Terminal) -> None:
        assert "did you mean 'slack-dead-letters'?" in terminal.fails(2, "redrive", "slack-dead-leters")

    def test_says_where_there_is_no_parapet(self, terminal: Terminal) -> None:
        assert "there are no dead-letter queues of the stage test" in terminal.fails(2, "redrive")
