"""Lambda and what delivers to it, on the laptop: retries, failures, credentials, queues, topics, bus, schedules."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from local.delivery import Bus, Poller, Ticker
from local.deployment import Function, Handler, Rule, Schedule
from local.runtime import Context, Lambdas, session, without_account
from local.topics import TopicPoller
from tests.samples import ACCOUNT, REGION, cloudtrail

QUICK = (0.01, 0.02)
TIMEOUT = 10


def function(handler: Handler, name: str = "guard_ec2") -> Function:
    return Function(name, handler, f"parapet-test-{name}", 30.0)


@dataclass
class Room:
    """Lambda with a terminal and a failure destination that can be looked at."""

    lines: list[str] = field(default_factory=list)
    failures: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failed: threading.Event = field(default_factory=threading.Event)

    def destination(self, function: Function, record: dict[str, Any]) -> None:
        self.failures.append((function.name, record))
        self.failed.set()

    @contextmanager
    def lambdas(
        self, retries: int = 2, retry_after: tuple[float, ...] = QUICK, destination: Any = None
    ) -> Iterator[Lambdas]:
        made = Lambdas(ACCOUNT, REGION, retries, destination or self.destination, self.lines.append, retry_after)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def room() -> Room:
    return Room()


@dataclass
class Broken:
    """A handler that fails so many times, then answers; keeps what it was called with."""

    failures: int
    calls: list[tuple[Any, Context]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def __call__(self, event: Any, context: Any) -> Any:
        self.calls.append((event, context))
        if len(self.calls) <= self.failures:
            raise KeyError("no such thing")
        self.done.set()
        return {"statusCode": 200}


class TestInvocation:
    def test_hands_over_what_lambda_does(self, room: Room) -> None:
        handler = Broken(0)
        with room.lambdas() as lambdas:
            assert lambdas.invoke(function(handler), {"a": [1]}, "r1") == {"statusCode": 200}
        [(event, context)] = handler.calls
        assert event == {"a": [1]}
        assert context.aws_request_id == "r1"
        assert context.function_name == "guard_ec2"
        assert context.invoked_function_arn == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:guard_ec2"
        assert 29_000 < context.get_remaining_time_in_millis() <= 30_000

    def test_time_left_is_never_negative(self) -> None:
        assert Context("f", "arn", "r", time.monotonic() - 5).get_remaining_time_in_millis() == 0

    def test_raises_what_the_handler_raises_and_tries_once(self, room: Room) -> None:
        handler = Broken(1)
        with room.lambdas() as lambdas, pytest.raises(KeyError, match="no such thing"):
            lambdas.invoke(function(handler), {})
        assert len(handler.calls) == 1
        assert room.failures == []

    def test_the_event_is_a_copy_for_every_attempt(self, room: Room) -> None:
        seen = []
        done = threading.Event()

        def spoils(event: Any, _context: Any) -> None:
            seen.append(json.dumps(event))
            event["detail"]["names"].append("spoiled")
            done.set()
            if len(seen) < 2:
                done.clear()
                raise ValueError

        event = {"detail": {"names": ["a"]}}
        with room.lambdas() as lambdas:
            lambdas.send(function(spoils), event)
            assert done.wait(TIMEOUT)
        assert seen == ['{"detail": {"names": ["a"]}}'] * 2
        assert event == {"detail": {"names": ["a"]}}


class TestRetries:
    def test_have_the_request_id_of_the_first_attempt(self, room: Room) -> None:
        handler, other = Broken(2), Broken(0)
        with room.lambdas() as lambdas:
            lambdas.send(function(handler), {"n": 1})
            lambdas.send(function(other), {"n": 1})
            assert handler.done.wait(TIMEOUT)
            assert other.done.wait(TIMEOUT)
        requests = [context.aws_request_id for _, context in handler.calls]
        assert len(requests) == 3
        assert len(set(requests)) == 1
        assert other.calls[0][1].aws_request_id not in requests
        assert room.failures == []

    def test_end_in_the_record_that_lambda_sends(self, room: Room) -> None:
        handler = Broken(99)
        event = {"source": "parapet", "detail": {"command": "c1"}}
        with room.lambdas() as lambdas:
            lambdas.send(function(handler), event)
            assert room.failed.wait(TIMEOUT)
        assert len(handler.calls) == 3
        [(name, record)] = room.failures
        assert name == "guard_ec2"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
        assert record == {
            "version": "1.0",
            "requestContext": {
                "requestId": handler.calls[0][1].aws_request_id,
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:guard_ec2:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "'no such thing'", "errorType": "KeyError"},
        }
        assert [line.split(":")[0] for line in room.lines] == ["guard_ec2", "guard_ec2", "guard_ec2 gave up"]

    def test_are_as_many_as_the_deployment_says(self, room: Room) -> None:
        handler = Broken(99)
        with room.lambdas(retries=0) as lambdas:
            lambdas.send(function(handler), {})
            assert room.failed.wait(TIMEOUT)
        assert len(handler.calls) == 1
        assert room.failures[0][1]["requestContext"]["approximateInvokeCount"] == 1

    def test_a_record_that_cannot_be_sent_is_shown(self, room: Room) -> None:
        tried = threading.Event()

        def refuses(_function: Function, _record: dict[str, Any]) -> None:
            tried.set()
            raise OSError("no topic")

        with room.lambdas(retries=0, destination=refuses) as lambdas:
            lambdas.send(function(Broken(99)), {"id": "event-1"})
            assert tried.wait(TIMEOUT)
        assert "its failure could not be sent on: no topic" in room.lines[-1]
        assert "event-1" in room.lines[-1]


class TestStop:
    def test_waits_for_what_runs(self, room: Room) -> None:
        started, ended = threading.Event(), []

        def slow(_event: Any, _context: Any) -> None:
            started.set()
            time.sleep(0.2)
            ended.append(True)

        with room.lambdas() as lambdas:
            lambdas.send(function(slow), {})
            assert started.wait(TIMEOUT)
            lambdas.stop()
            assert ended == [True]

    def test_starts_nothing_more(self, room: Room) -> None:
        handler = Broken(99)
        with room.lambdas(retry_after=(0.1,)) as lambdas:
            lambdas.send(function(handler), {})
            deadline = time.monotonic() + TIMEOUT
            while not room.lines and time.monotonic() < deadline:
                time.sleep(0.005)
            lambdas.stop()
            lambdas.send(function(handler), {})
            time.sleep(0.2)
        assert len(handler.calls) == 1
        assert room.failures == []


KEYS = {"guard_ec2": "ASIALOCALGUARDEC2000", "guard_s3": "ASIALOCALGUARDS30000"}


@pytest.fixture
def call() -> Callable[[], str]:
    """Make an AWS call that goes no further than the wire; returns the access key that signed it."""
    made: Any = session(KEYS)
    signed = threading.local()

    def answer(request: Any, **_: Any) -> Any:
        signed.key = re.search(r"Credential=(\w+)/", request.headers["Authorization"].decode())[1]  # type: ignore[index]
        raw = type("Raw", (), {"stream": lambda self, **_: iter([b"{}"])})()
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)

    made.register("before-send.dynamodb", answer)
    client = made.create_client("dynamodb", region_name=REGION)

    def calls() -> str:
        client.list_tables()
        return str(signed.key)

    return calls


class TestCredentials:
    def test_are_those_of_the_function_at_work(self, room: Room, call: Callable[[], str]) -> None:
        with room.lambdas() as lambdas:
            for name, key in KEYS.items():
                assert lambdas.invoke(function(lambda _event, _context: call(), name), {}) == key

    def test_outside_of_any_function_there_are_none(self, room: Room, call: Callable[[], str]) -> None:
        with room.lambdas() as lambdas:
            with pytest.raises(RuntimeError, match="outside any function"):
                call()
            lambdas.invoke(function(lambda _event, _context: call()), {})
            with pytest.raises(RuntimeError, match="outside any function"):
                call()
            with pytest.raises(ZeroDivisionError):
                lambdas.invoke(function(lambda _event, _context: 1 // 0), {})
            with pytest.raises(RuntimeError, match="outside any function"):
                call()

    def test_a_function_that_has_no_key_is_refused(self, room: Room, call: Callable[[], str]) -> None:
        with room.lambdas() as lambdas, pytest.raises(RuntimeError, match="outside any function"):
            lambdas.invoke(function(lambda _event, _context: call(), "guard_kms"), {})

    def test_two_functions_at_once_have_their_own(self, room: Room, call: Callable[[], str]) -> None:
        together = threading.Barrier(2, timeout=TIMEOUT)
        found: dict[str, list[str]] = {}

        def handler(_event: Any, context: Any) -> None:
            keys = []
            for _ in range(5):
                together.wait()
                keys.append(call())
            found[context.function_name] = keys

        with room.lambdas() as lambdas:
            for name in KEYS:
                lambdas.send(function(handler, name), {})
            deadline = time.monotonic() + TIMEOUT
            while len(found) < 2 and time.monotonic() < deadline:
                time.sleep(0.005)
        assert found == {name: [key] * 5 for name, key in KEYS.items()}

    def test_the_failure_is_sent_on_by_the_function_that_failed(self, room: Room, call: Callable[[], str]) -> None:
        keys, sent = [], threading.Event()

        def destination(_function: Function, _record: dict[str, Any]) -> None:
            keys.append(call())
            sent.set()

        with room.lambdas(retries=0, destination=destination) as lambdas:
            lambdas.send(function(Broken(9), "guard_s3"), {})
            assert sent.wait(TIMEOUT)
        assert keys == [KEYS["guard_s3"]]

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (f"http://{ACCOUNT}.127.0.0.1:4566/v20180820/x", "http://127.0.0.1:4566/v20180820/x"),
            ("http://127.0.0.1:4566/v20180820/x", "http://127.0.0.1:4566/v20180820/x"),
            ("http://12345.127.0.0.1:4566/x", "http://12345.127.0.0.1:4566/x"),
        ],
    )
    def test_an_account_in_a_host_name_is_taken_out(self, url: str, expected: str) -> None:
        @dataclass
        class Request:
            url: str

        request = Request(url)
        without_account(request)
        assert request.url == expected


@dataclass
class FakeSqs:
    """A queue that hands its messages out once and keeps what is done with them."""

    messages: list[dict[str, Any]]
    stopping: threading.Event = field(default_factory=threading.Event)
    deleted: list[str] = field(default_factory=list)
    returned: dict[str, int] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        handed, self.messages = (
            self.messages[: asked["MaxNumberOfMessages"]],
            self.messages[asked["MaxNumberOfMessages"] :],
        )
        if not handed:
            self.stopping.set()
            return {}
        return {"Messages": handed}

    def delete_message(self, **params: Any) -> None:
        assert params["QueueUrl"] == QUEUE
        self.deleted.append(params["ReceiptHandle"])

    def change_message_visibility(self, **params: Any) -> None:
        assert params["QueueUrl"] == QUEUE
        self.returned[params["ReceiptHandle"]] = params["VisibilityTimeout"]


QUEUE = "http://127.0.0.1:4566/123456789012/parapet-local-slack.fifo"


def message(number: int, body: str = "{}") -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"r{number}",
        "Body": body,
        "MD5OfBody": "md5",
        "Attributes": {"MessageGroupId": "g"},
    }


def poll(room: Room, handler: Handler, count: int = 3, batch: int = 10) -> FakeSqs:
    sqs = FakeSqs([message(number) for number in range(count)])
    with room.lambdas() as lambdas:
        Poller(sqs, QUEUE, function(handler, "notify"), batch, lambdas, room.lines.append).run(sqs.stopping)
    return sqs


class TestPoller:
    @pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}])
    def test_deletes_what_succeeded(self, room: Room, answer: Any) -> None:
        sqs = poll(room, lambda _event, _context: answer)
        assert (sqs.deleted, sqs.returned, room.lines) == (["r0", "r1", "r2"], {}, [])

    def test_returns_what_failed_and_deletes_the_rest(self, room: Room) -> None:
        sqs = poll(room, lambda _event, _context: {"batchItemFailures": [{"itemIdentifier": "m1"}]})
        assert (sqs.deleted, sqs.returned) == (["r0", "r2"], {"r1": 1})
        assert room.lines == ["notify: 1 of 3 go back to the queue"]

    def test_returns_a_batch_that_failed_as_a_whole(self, room: Room) -> None:
        sqs = poll(room, Broken(99))
        assert (sqs.deleted, sqs.returned) == ([], {"r0": 1, "r1": 1, "r2": 1})
        assert room.lines == ["notify: KeyError: 'no such thing'"]

    def test_hands_over_batches_in_the_shape_of_sqs(self, room: Room) -> None:
        handler = Broken(0)
        sqs = poll(room, handler, count=3, batch=2)
        assert [len(event["Records"]) for event, _ in handler.calls] == [2, 1]
        assert handler.calls[0][0]["Records"][0] == {
            "messageId": "m0",
            "receiptHandle": "r0",
            "body": "{}",
            "attributes": {"MessageGroupId": "g"},
            "messageAttributes": {},
            "md5OfBody": "md5",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:local:parapet-local-slack.fifo",
            "awsRegion": "local",
        }
        assert sqs.asked[0]["AttributeNames"] == ["All"]
        assert sqs.asked[0]["QueueUrl"] == QUEUE

    def test_a_topics_record_is_that_of_sns(self, room: Room) -> None:
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-local-failures"
        body = {"Type": "Notification", "MessageId": "n1", "TopicArn": topic, "Message": "{}", "Timestamp": "t"}
        with room.lambdas() as lambdas:
            poller = TopicPoller(None, QUEUE, function(Broken(0), "failures"), 1, lambdas, room.lines.append)
            assert poller.record(message(1, json.dumps(body))) == {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{topic}:local",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": "n1",
                    "TopicArn": topic,
                    "Subject": None,
                    "Message": "{}",
                    "Timestamp": "t",
                    "MessageAttributes": {},
                },
            }


@dataclass
class Sent:
    """Stands for Lambda: keeps what is sent to it."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    note: Callable[[], None] = lambda: None

    def send(self, function: Function, event: Any) -> None:
        self.note()
        self.events.append((function.name, event))


def delivered(events: list[dict[str, Any]], *, logging: bool = True, pattern: Any = None) -> list[str]:
    """The names of the events that a bus delivers to a function."""
    sent: Any = Sent()
    bus = Bus([Rule(function(Broken(0)), pattern or {"account": [ACCOUNT]})], sent, lambda: logging)
    for event in events:
        bus.publish(event)
    return [event["detail"].get("eventName", event["detail-type"]) for _, event in sent.events]


class TestBus:
    def test_delivers_what_a_pattern_wants(self) -> None:
        events = [cloudtrail("ec2:StopInstances"), cloudtrail("ec2:RunInstances"), cloudtrail("s3:StopInstances")]
        pattern = {"source": ["aws.ec2"], "detail": {"eventName": ["StopInstances"]}}
        assert delivered(events, pattern=pattern) == ["StopInstances"]

    def test_delivers_no_read_only_call(self) -> None:
        events = [cloudtrail("ec2:DescribeInstances", readOnly=True), cloudtrail("ec2:StopInstances")]
        assert delivered(events) == ["StopInstances"]

    def test_without_a_trail_that_logs_only_the_call_that_stops_it_arrives(self) -> None:
        events = [
            cloudtrail("ec2:StopInstances"),
            cloudtrail("signin:ConsoleLogin", detail_type="AWS Console Sign In via CloudTrail"),
            cloudtrail("cloudtrail:StopLogging"),
            cloudtrail("cloudtrail:DeleteTrail"),
        ]
        assert delivered(events, logging=False) == ["StopLogging", "DeleteTrail"]

    def test_our_own_events_need_no_trail(self) -> None:
        ours = {"source": "parapet", "detail-type": "Parapet Sweep", "account": ACCOUNT, "detail": {"readOnly": True}}
        assert delivered([ours], logging=False) == ["Parapet Sweep"]

    def test_delivers_to_every_function_that_is_woken(self) -> None:
        sent: Any = Sent()
        rules = [
            Rule(function(Broken(0), "guard_s3"), {"source": ["aws.s3"]}),
            Rule(function(Broken(0), "guard_signin"), {"detail": {"userIdentity": {"type": ["IAMUser"]}}}),
            Rule(function(Broken(0), "guard_ec2"), {"source": ["aws.ec2"]}),
        ]
        Bus(rules, sent, lambda: True).publish(cloudtrail("s3:PutBucketAcl"))
        assert [name for name, _ in sent.events] == ["guard_s3", "guard_signin"]


class Turns:
    """A stop sign that lets so many turns of a loop pass, each moving the clock."""

    def __init__(self, turns: list[float]) -> None:
        self.turns, self.now = turns, 0.0

    def wait(self, _seconds: float) -> bool:
        if not self.turns:
            return True
        self.now += self.turns.pop(0)
        return False

    def clock(self) -> float:
        return self.now


def ticks(seconds: float, turns: list[float]) -> list[float]:
    """The times at which a function of a schedule is invoked."""
    sign: Any = Turns(turns)
    at: list[float] = []
    sent: Any = Sent(note=lambda: at.append(sign.now))
    schedule = Schedule(function(Broken(0), "timer"), seconds)
    Ticker([schedule], sent, ACCOUNT, REGION, sign.clock).run(sign)
    return at


def mornings(now: float, turns: list[float]) -> list[float]:
    """The times at which a function is invoked that is due at 07:00 of each day, begun at a time of day."""
    sign: Any = Turns(turns)
    at: list[float] = []
    sent: Any = Sent(note=lambda: at.append(sign.now))
    daily = Schedule(function(Broken(0), "timer"), 86400.0, 7 * 3600.0)
    Ticker([daily], sent, ACCOUNT, REGION, sign.clock, lambda: 20_000 * 86400.0 + now).run(sign)
    return at


class TestTicker:
    def test_ticks_once_a_day_at_its_time(self) -> None:
        hour = 3600.0
        assert mornings(6 * hour, [hour - 1, 1.0, 23 * hour, hour]) == [hour, 25 * hour]
        assert mornings(8 * hour, [22 * hour, hour]) == [23 * hour]
        assert mornings(7 * hour, [23 * hour, hour]) == [24 * hour]

    def test_ticks_first_after_one_interval_and_then_at_each(self) -> None:
        assert ticks(60.0, [0.5, 59.0, 0.5, 0.5, 59.0, 0.5, 60.0]) == [60.0, 120.0, 180.0]

    def test_a_late_tick_does_not_move_the_ones_after_it(self) -> None:
        assert ticks(60.0, [75.0, 40.0, 5.0]) == [75.0, 120.0]

    def test_hands_over_what_eventbridge_does(self) -> None:
        sent: Any = Sent()
        schedule = Schedule(function(Broken(0), "timer"), 60.0)
        Ticker([schedule], sent, ACCOUNT, REGION).tick(schedule)
        [(name, event)] = sent.events
        assert name == "timer"
        assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
        assert (event["account"], event["region"]) == (ACCOUNT, REGION)
        assert event["resources"] == [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/timer"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
