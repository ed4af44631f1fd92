"""What lies in our dead-letter queues: what each message is, why it is there, and how it goes back where it came from.

By hand, message by message, and not by SQS's StartMessageMoveTask: that knows only queues as origins, and would take
back in one go what nobody has looked at. What is put back is sent first and deleted after, so that an interruption
leaves it twice at worst; whoever gets it tells the same once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.alerts.parse import parse
from chalicelib.model import Aws, ParapetError
from chalicelib.notices import outbox, trouble

END = "dead-letters"
# What SQS hands out at once, and for how long nobody else gets it while it is put back.
BATCH, HELD = 10, 120
FAILURES, RULES, ALERTS, ENRICH = "dead-letters", "rule-dead-letters", "alerts-dead-letters", "enrich-dead-letters"
LEDGER, PAGERDUTY = "ledger-dead-letters", "pagerduty-dead-letters"


@dataclass(frozen=True)
class Letters:
    """A dead-letter queue: its name behind the stage, its address, and how many messages lie in it."""

    name: str
    url: str
    count: int

    @property
    def fifo(self) -> bool:
        """Whether it keeps an order."""
        return self.url.endswith(".fifo")

    @property
    def origin(self) -> str:
        """The address of the queue whose dead letters these are; empty where it is no queue's."""
        return "" if self.name in (FAILURES, RULES) else self.url.replace(f"-{END}", "")


@dataclass(frozen=True)
class Letter:
    """One message: since when it lies there (epoch seconds), what it is, why it is there, and the message itself.

    `test` is True for an old test of the way to people, which nobody waits for any more.
    """

    at: float
    what: str
    why: str
    raw: Mapping[str, Any]
    test: bool = False


def queues(aws: Aws, stage: str) -> list[Letters]:
    """Return the dead-letter queues of a stage, by name; raises AwsError."""
    begin, found = f"parapet-{stage}-", []
    for url in aws.all("sqs", "list_queues", "QueueUrls", QueueNamePrefix=begin):
        name = url.rsplit("/", 1)[-1].removesuffix(".fifo").removeprefix(begin)
        # Of another region's and of a stage whose name begins like ours there may be more.
        if name in (FAILURES, RULES) or (name.endswith(f"-{END}") and name.count("-") == 2):
            wanted = ["ApproximateNumberOfMessages"]
            answer = aws("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=wanted)["Attributes"]
            found.append(Letters(name, url, int(answer[wanted[0]])))
    return sorted(found, key=lambda one: one.name)


def look(aws: Aws, letters: Letters, now: float) -> list[Letter]:
    """Return some of what lies in a queue, the oldest first, and leave it there; raises AwsError."""
    return sorted((read(letters, raw, now) for raw in _received(aws, letters, 0)), key=lambda one: one.at)


def read(letters: Letters, raw: Mapping[str, Any], now: float) -> Letter:
    """Return what a message is and why it lies there; never raises."""
    at = int(raw.get("Attributes", {}).get("SentTimestamp", now * 1000)) / 1000
    told = {name: one.get("StringValue", "") for name, one in raw.get("MessageAttributes", {}).items()}
    tries = raw.get("Attributes", {}).get("ApproximateReceiveCount", "")
    what, why = _meaning(letters.name, raw["Body"], told, at)
    why = why or (f"given up on; looked at {tries} times" if tries else "given up on")
    if _old_test(letters.name, raw["Body"]):
        return Letter(at, f"TEST · {what}", f"{why}; an old test is dropped, not put back", raw, True)
    return Letter(at, what, why, raw)


def put_back(aws: Aws, letters: Letters, told: Callable[[Letter], None], now: float) -> int:
    """Put all that lies in a queue back where it came from, but for old tests, which are dropped; returns how many.

    Raises AwsError, ParapetError.

    Args:
        aws: our account.
        letters: the queue, as it was counted: what comes back meanwhile is left for the next time.
        told: hears of each message that was put back or dropped.
        now: the time.
    """
    done = dropped = 0
    while done + dropped < letters.count and (batch := _received(aws, letters, HELD)):
        for raw in batch:
            letter = read(letters, raw, now)
            if not letter.test:
                _send(aws, letters, letter)
            aws("sqs", "delete_message", QueueUrl=letters.url, ReceiptHandle=raw["ReceiptHandle"])
            told(letter)
            done, dropped = (done, dropped + 1) if letter.test else (done + 1, dropped)
    return done


def _received(aws: Aws, letters: Letters, held: int) -> list[dict[str, Any]]:
    answer = aws(
        "sqs", "receive_message", QueueUrl=letters.url, MaxNumberOfMessages=BATCH, VisibilityTimeout=held,
        WaitTimeSeconds=1, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"],
    )  # fmt: skip
    return list(answer.get("Messages", []))


def _meaning(name: str, body: str, told: Mapping[str, str], at: float) -> tuple[str, str]:
    """Return what a message is, and why it lies there where it says so itself."""
    if name == FAILURES:
        notice = trouble.of_failure(body, at)
        return notice.title, next(iter(notice.lines), "")
    if name == RULES:
        rule = told.get("RULE_ARN", "").rpartition("/")[2] or "a rule"
        return f"{_kind(body)} for {rule}", told.get("ERROR_MESSAGE") or told.get("ERROR_CODE", "")
    if name == ALERTS:
        return parse(body, at).title, ""
    if name == ENRICH:
        return f"evidence for {body[:100]}", ""
    if name == LEDGER:
        # Its name is enough: what people have changed is not for everybody's eyes.
        return f"{_kind(body)} for the change ledger", ""
    try:
        notice = outbox.load(body)
    except ParapetError as error:
        return body[:100], str(error)
    return f"{notice.status}: {notice.title}", ""


def _old_test(name: str, body: str) -> bool:
    """Whether a message is a test page; that one is over may still have to close an incident, and wakes nobody."""
    if name in (FAILURES, RULES, ALERTS, ENRICH, LEDGER):
        return False
    try:
        notice = outbox.load(body)
    except ParapetError:
        return False
    return notice.test and not (name == PAGERDUTY and notice.page == "resolve")


def _kind(body: str) -> str:
    return str(_json(body).get("detail-type") or "an event")


def _json(body: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _send(aws: Aws, letters: Letters, letter: Letter) -> None:
    raw = letter.raw
    if letters.origin:
        _to_queue(aws, letters.origin, raw, letters.fifo)
    elif letters.name == FAILURES:
        record = _json(raw["Body"])
        context = record.get("requestContext")
        function = context.get("functionArn") if isinstance(context, Mapping) else None
        if not function or "requestPayload" not in record:
            raise ParapetError(f"{letters.name} holds what is no record of Lambda's, and cannot be put back: read it, "
                               f"and delete it: {letter.what}")  # fmt: skip
        _to_function(aws, str(function), json.dumps(record["requestPayload"]))
    else:
        target = raw.get("MessageAttributes", {}).get("TARGET_ARN", {}).get("StringValue", "")
        parts = target.split(":")
        if len(parts) < 6 or parts[2] not in ("lambda", "sqs"):
            goal = target or "nobody"
            raise ParapetError(f"{letters.name} holds an event for {goal}, which it cannot be given again: read it, "
                               f"and delete it: {letter.what}")  # fmt: skip
        if parts[2] == "lambda":
            _to_function(aws, target, raw["Body"])
        else:
            url = aws("sqs", "get_queue_url", QueueName=parts[5])["QueueUrl"]
            aws("sqs", "send_message", QueueUrl=url, MessageBody=raw["Body"])


def _to_queue(aws: Aws, url: str, raw: Mapping[str, Any], fifo: bool) -> None:
    order = {}
    if fifo:
        system = raw["Attributes"]
        # Under its old number SQS would take it for one that it has delivered, and drop it without a word.
        order = {"MessageGroupId": system["MessageGroupId"], "MessageDeduplicationId": f"again-{raw['MessageId']}"}
    aws("sqs", "send_message", QueueUrl=url, MessageBody=raw["Body"], **order)


def _to_function(aws: Aws, arn: str, payload: str) -> None:
    # Where it gave up was a version; what is called is the function as it is now.
    aws("lambda", "invoke", FunctionName=":".join(arn.split(":")[:7]), InvocationType="Event", Payload=payload.encode())


def shown(letters: Letters, found: list[Letter]) -> Iterator[str]:
    """Yield a line about each message that was looked at, and one about those that were not."""
    for one in found:
        yield f"{one.what} – {one.why}"
    if letters.count > len(found):
        yield f"and {letters.count - len(found)} more"
