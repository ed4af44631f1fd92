"""How events reach functions: the event bus, the schedules, the queues and topics."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.deployment import Function, Rule, Schedule
from local.patterns import matches
from local.runtime import Lambdas

Stopping = threading.Event
BLINDING = ("StopLogging", "DeleteTrail")


class Bus:
    """EventBridge: rules, and the functions and queues that they wake and fill."""

    def __init__(
        self,
        rules: Sequence[Rule],
        lambdas: Lambdas,
        logging: Callable[[], bool],
        queues: Sequence[tuple[Mapping[str, Any], Callable[[str], object]]] = (),
    ) -> None:
        """Take the rules of functions, whether a trail logs, and other patterns with what puts a text into a queue."""
        self._rules, self._lambdas, self._logging, self._queues = rules, lambdas, logging, queues

    def publish(self, event: Mapping[str, Any]) -> None:
        """Deliver an event to every function and queue whose pattern it matches."""
        if event["detail-type"].endswith("via CloudTrail") and not self._recorded(event["detail"]):
            return
        for rule in self._rules:
            if matches(rule.pattern, event):
                self._lambdas.send(rule.function, event)
        for pattern, put in self._queues:
            if matches(pattern, event):
                put(json.dumps(event))

    def _recorded(self, detail: Mapping[str, Any]) -> bool:
        if detail.get("readOnly"):
            return False
        # Without a trail that logs, CloudTrail sends EventBridge nothing; the call that stops it still arrives.
        return detail.get("eventName") in BLINDING or self._logging()


class Ticker:
    """The schedules: each function invoked at its rate, as EventBridge does, first after one interval or when due."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        lambdas: Lambdas,
        account: str,
        region: str,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._lambdas, self._account, self._region, self._clock = lambdas, account, region, clock
        self._due = [(clock() + _first(schedule, wall()), schedule) for schedule in schedules]

    def run(self, stopping: Stopping) -> None:
        """Invoke what is due until told to stop."""
        while not stopping.wait(0.5):
            now = self._clock()
            for number, (due, schedule) in enumerate(self._due):
                if now >= due:
                    self._due[number] = (due + schedule.seconds, schedule)
                    self.tick(schedule)

    def tick(self, schedule: Schedule) -> None:
        """Invoke one scheduled function now."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = schedule.function.name
        event = {
            "version": "0",
            "id": f"local-{name}-{moment}",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._account,
            "time": moment,
            "region": self._region,
            "resources": [f"arn:aws:events:{self._region}:{self._account}:rule/{name}"],
            "detail": {},
        }
        self._lambdas.send(schedule.function, event)


def _first(schedule: Schedule, now: float) -> float:
    """Return after how many seconds a schedule is due for the first time."""
    return schedule.seconds if schedule.daily is None else (schedule.daily - now) % schedule.seconds or schedule.seconds


class Poller:
    """An SQS event source mapping: batches to a function, what succeeded is deleted, the rest comes back."""

    def __init__(
        self,
        sqs: Any,
        queue: str,
        function: Function,
        batch: int,
        lambdas: Lambdas,
        complain: Callable[[str], None],
        arrived: Callable[[str], bool] = lambda _queue: True,
        saw: Callable[[str], object] = lambda _body: None,
    ) -> None:
        """Keep what to poll and whom to invoke.

        `arrived` waits a moment for something to receive from a queue; `saw` is shown what passes.
        """
        self._sqs, self._queue, self._function, self._batch = sqs, queue, function, batch
        self._lambdas, self._complain, self._arrived, self._saw = lambdas, complain, arrived, saw

    def run(self, stopping: Stopping) -> None:
        """Poll until told to stop."""
        while not stopping.is_set():
            try:
                if not self._arrived(self._queue):
                    continue
                messages = self._receive()
                if messages:
                    self._deliver(messages)
            except Exception as error:  # a mapping never ends: what was not deleted comes back
                self._complain(f"the queue of {self._function.name}: {type(error).__name__}: {error}")
                messages = []
            if not messages:
                # Behind another of its group that came back, a message has arrived and cannot be received.
                stopping.wait(0.03)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=self._batch, AttributeNames=["All"], WaitTimeSeconds=0
        )
        return list(answer.get("Messages") or [])

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self._saw(message["Body"])
        records = [self.record(message) for message in messages]
        try:
            answer = self._lambdas.invoke(self._function, {"Records": records}) or {}
            failed = {one["itemIdentifier"] for one in answer.get("batchItemFailures", [])}
            if failed:
                self._complain(f"{self._function.name}: {len(failed)} of {len(messages)} go back to the queue")
        except Exception as error:  # the whole batch comes back, as it does on AWS
            self._complain(f"{self._function.name}: {type(error).__name__}: {error}")
            failed = {message["MessageId"] for message in messages}
        for message in messages:
            receipt = message["ReceiptHandle"]
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=receipt)
            else:
                # The queue's own visibility timeout is minutes; a person at a terminal should not wait for it.
                self._sqs.change_message_visibility(QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=1)

    def record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return a message as Lambda hands it to a function."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:local:{self._queue.rsplit('/', 1)[-1]}",
            "awsRegion": "local",
        }
