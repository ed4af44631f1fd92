"""Lambda, EventBridge, SQS and time around the table and the cloud: each invocation stops before each of its calls.

What runs is the core itself. An invocation is a greenlet that waits at every AWS call until it is told how that
call goes, so that any number of them can be under way, and anything can happen in between.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from chalicelib import registry
from chalicelib.journal import Journal
from chalicelib.model import Aws, AwsError, Notice, ParapetError
from chalicelib.notices import outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.people import Person
from chalicelib.pipeline import Pipeline
from chalicelib.settings import Accounts, Settings
from tests.account import NOW, Clock
from tests.machine.cloud import RAILS, Cloud, Spot, View
from tests.machine.table import Item, Key, Table
from tests.samples import ACCOUNT, REGION

TABLE, QUEUE = "journal", "outbox"
Fault = Literal[
    "", "killed before", "killed after", "throttled", "timed out before", "timed out after", "denied", "not yet",
    "partly", "lagging",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = (
    "killed before", "killed after", "throttled", "timed out before", "timed out after", "denied", "not yet", "partly",
    "lagging",
)  # fmt: skip
# How long one call may take (aws.CONFIG: two attempts), and how long Lambda lets each kind of function work.
CALL, GUARD, API = 20.0, 300.0, 29.0
# Lambda delivers to a function twice more, a minute and two minutes later.
RETRIES, WAIT = 2, 60.0
# What it could not deliver for so long, it gives up on.
AGE = 6 * 3600.0
# No two calls are made at the same moment.
TICK = 0.01
BEFORE: tuple[Fault, ...] = ("killed before", "throttled", "timed out before", "denied", "not yet")
DENIED = {"ec2": "UnauthorizedOperation", "kms": "AccessDeniedException", "dynamodb": "AccessDeniedException"}
WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
KINDS = ("event", "sweep", "look", "command", "timer", "api")
Kind = Literal["event", "sweep", "look", "command", "timer", "api"]


# Whose is which identity: the plain truth behind settings' [people].
OWNERS = {
    f"arn:aws:iam::{ACCOUNT}:user/alice": "alice", "slack:U012AB3CD": "alice",
    f"arn:aws:iam::{ACCOUNT}:user/bob": "bob",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/carol": "carol",
}  # fmt: skip
PEOPLE = (
    Person("alice", slack="U012AB3CD", aws=(f"arn:aws:iam::{ACCOUNT}:user/alice",)),
    Person("bob", aws=(f"arn:aws:iam::{ACCOUNT}:user/bob",)),
    Person("carol", aws=(f"arn:aws:iam::{ACCOUNT}:role/deploy",)),
)


def owner(identity: str) -> str | None:
    """Who somebody is; None for an identity that nobody knows."""
    return OWNERS.get(identity)


class Killed(BaseException):
    """Lambda ended the invocation: nothing catches this."""


@dataclass(frozen=True)
class Made:
    """A call that an invocation is about to make."""

    service: str
    operation: str
    params: Mapping[str, Any]

    @property
    def changes(self) -> bool:
        """Whether it changes a resource of the account."""
        ours = self.service in ("dynamodb", "sqs", "events")
        return not ours and not self.operation.startswith(("describe", "list", "get"))


@dataclass(frozen=True)
class Job:
    """What an invocation is for; `name` tells it to whoever reads a failure."""

    kind: Kind
    service: str
    name: str
    run: Callable[[Invocation], object]
    cause: str = ""


@dataclass(eq=False)
class Invocation:
    """One run of a function, under way until it is over."""

    world: World
    job: Job
    request: str
    settings: Settings
    tries: int = 1

    def __post_init__(self) -> None:
        self.began, self.start = self.world.clock(), self.world.seq
        self.waited, self.calls, self.read = 0.0, 0, 0
        self.over: Literal["", "done", "failed", "killed"] = ""
        self.error: ParapetError | None = None
        self.errors: list[AwsError] = []
        self.at: Made | None = None
        self._main = getcurrent()
        self._green = greenlet(self._run)
        # Up to its first call; what it holds is then known.
        self.at = self._green.switch()

    def __repr__(self) -> str:
        return f"{self.job.name} ({self.request}, try {self.tries})"

    @property
    def cause(self) -> str:
        """What makes the journal's causes differ: an event, or an invocation."""
        return self.job.cause or f"request {self.request}"

    def _run(self) -> None:
        try:
            self.job.run(self)
        except Killed:
            self.over = "killed"
        except ParapetError as error:
            self.over, self.error = "failed", error
        else:
            self.over = "done"

    def arrive(self, made: Made) -> Fault:
        """Stop before a call; returns how it shall go."""
        how: Fault = self._main.switch(made)
        return how

    def go(self, fault: Fault = "") -> bool:
        """Make the call that it waits at, and go on to the next; whether there is one."""
        if self.over:
            return False
        if self.waited > CALL and fault not in ("killed before", "killed after"):
            fault = "timed out after" if fault in ("timed out after", "lagging") else "timed out before"
        self.waited = 0.0
        self.calls += 1
        self.at = self._green.switch(fault)
        if self.over:
            self.world.ended(self)
        return not self.over


class Reach:
    """AWS as one invocation reaches it."""

    def __init__(self, invocation: Invocation, region: str) -> None:
        self.invocation, self.account, self.region = invocation, ACCOUNT, region

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        try:
            return self._make(Made(service, operation, params))
        except AwsError as error:
            if error.code in absent:
                return {}
            raise

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self._make(Made(service, operation, params)).get(key) or [])

    def _make(self, made: Made) -> dict[str, Any]:
        fault = self.invocation.arrive(made)
        try:
            return self.invocation.world.perform(self.invocation, made, fault)
        except AwsError as error:
            self.invocation.errors.append(error)
            raise


class Watcher(Protocol):
    """Whoever holds what happens against what may happen."""

    def acting(self, invocation: Invocation, made: Made) -> None:
        """A call is about to change a resource of the account."""

    def acted(self, invocation: Invocation, made: Made, changed: set[Spot]) -> None:
        """It has."""

    def looked(self, invocation: Invocation, made: Made) -> None:
        """The journal was read."""

    def wrote(self, invocation: Invocation, key: Key, old: Item | None, new: Item | None) -> None:
        """An item of the journal has changed."""

    def ended(self, invocation: Invocation) -> None:
        """An invocation is over."""


@dataclass
class Sent:
    """A notice in the outbox."""

    seq: int
    notice: Notice


@dataclass
class World:
    """Everything but people's intentions."""

    watcher: Watcher
    clock: Clock = field(default_factory=Clock)
    table: Table = field(default_factory=lambda: Table(TABLE))
    cloud: Cloud = field(default_factory=Cloud)
    seq: int = 0

    def __post_init__(self) -> None:
        self.requests = itertools.count(1)
        self.settings = Settings(
            stage="test",
            table=TABLE,
            accounts=Accounts(own=ACCOUNT),
            regions=(REGION, "us-east-1"),
            people=PEOPLE,
        )
        self.sent: list[Sent] = []
        self.trace: list[str] = []
        self.journalled: list[tuple[str, Mapping[str, Any], dict[str, Any] | AwsError]] = []
        self.emitted: list[tuple[str, dict[str, Any]]] = []
        self.under_way: list[Invocation] = []
        self.again: list[tuple[float, Invocation]] = []
        self.dropped: list[Invocation] = []
        self.past: dict[Spot, list[tuple[int, float, View]]] = {}
        self.note()
        self.trace.clear()

    # The truth, as it was

    def note(self) -> set[Spot]:
        """Write down how every part looks; returns the parts that look otherwise than before."""
        now: dict[Spot, View] = {}
        for rail, resource in self.cloud.resources():
            now |= {Spot(rail, resource, part): v for part, v in (self.cloud.views(rail, resource) or {}).items()}
        changed = set()
        for spot in {*now, *self.past}:
            before, view = self.past.get(spot), now.get(spot)
            if (before[-1][2] if before else None) != view:
                self.past.setdefault(spot, []).append((self.seq, self.clock(), view))
                changed.add(spot)
                self.tell(f"    {spot} is {view}")
        return changed

    def since(self, spot: Spot, seq: int) -> list[View]:
        """How a part has looked since a moment, oldest first."""
        past = self.past.get(spot, [])
        before = [view for at, _, view in past if at <= seq][-1:] or [None]
        return before + [view for at, _, view in past if at > seq]

    def tell(self, what: str) -> None:
        """Note what happens, for whoever reads a failure."""
        self.trace.append(f"{self.clock() - NOW:.0f} #{self.seq} {what}")

    # Invocations

    def invoke(self, job: Job, request: str = "", tries: int = 1) -> Invocation:
        """Begin an invocation; it waits at its first call."""
        invocation = Invocation(self, job, request or f"request-{next(self.requests)}", self.settings, tries)
        if invocation.over:
            self.ended(invocation)
        else:
            self.under_way.append(invocation)
        return invocation

    def pipeline(self, invocation: Invocation) -> Pipeline:
        """The pipeline of the invocation's service, as its function would have put it together."""
        ours = Reach(invocation, REGION)
        rails = tuple(registry.get(name) for name in RAILS if registry.service_of(name) == invocation.job.service)

        def account(wanted: str, region: str) -> Aws:
            assert wanted == ACCOUNT
            return Reach(invocation, region or REGION)

        journal, out = Journal(ours, TABLE), Outbox(ours, {"slack": QUEUE}, None)
        return Pipeline(rails, invocation.settings, journal, out, account, self.clock)

    def ended(self, invocation: Invocation) -> None:
        """Have Lambda deliver again what failed, as long as it does."""
        if invocation in self.under_way:
            self.under_way.remove(invocation)
        if invocation.over != "done" and invocation.job.kind != "api":
            if invocation.tries <= RETRIES:
                self.again.append((self.clock() + WAIT * invocation.tries, invocation))
            else:
                self.dropped.append(invocation)
        self.tell(f"{invocation}: {invocation.over} {invocation.error or ''}")
        self.watcher.ended(invocation)

    def retry(self, index: int) -> Invocation:
        """Deliver again what has failed, when its time has come."""
        at, failed = self.again.pop(index)
        if at > self.clock():
            self.forward(at - self.clock())
        return self.invoke(failed.job, failed.request, failed.tries + 1)

    def forward(self, seconds: float) -> None:
        """Let time pass, which ends what waits for too long."""
        self.clock.forward(seconds)
        for one in list(self.under_way):
            one.waited += seconds
            if self.clock() - one.began > (API if one.job.kind == "api" else GUARD):
                one.go("killed before")
        self.dropped += [failed for at, failed in self.again if at + AGE < self.clock()]
        self.again = [(at, failed) for at, failed in self.again if at + AGE >= self.clock()]

    # Calls

    def perform(self, invocation: Invocation, made: Made, fault: Fault) -> dict[str, Any]:
        """Make a call, and have it go as it shall."""
        self.seq += 1
        self.clock.forward(TICK)
        if fault or made.changes:
            self.tell(f"{invocation}: {made.operation} {fault}")
        action = f"{made.service}:{''.join(word.title() for word in made.operation.split('_'))}"
        if fault == "killed before":
            raise Killed
        if fault == "throttled":
            raise AwsError(action, "ThrottlingException", "slow down")
        if fault == "denied" and made.service != "dynamodb":
            raise AwsError(action, DENIED.get(made.service, "AccessDenied"), "you may not")
        if fault == "not yet" and made.operation == "modify_db_instance":
            raise AwsError(action, "InvalidDBInstanceState", "being modified")
        if fault == "timed out before":
            raise AwsError(action, "ReadTimeout", "no answer")
        answer = self._made(invocation, made, fault)
        if fault == "killed after":
            raise Killed
        if fault == "timed out after":
            raise AwsError(action, "ReadTimeout", "no answer")
        return answer

    def _made(self, invocation: Invocation, made: Made, fault: Fault) -> dict[str, Any]:
        if made.service == "dynamodb":
            return self._journalled(invocation, made, fault)
        if made.service == "sqs":
            return self._sent(invocation, made, fault)
        if made.service == "events":
            assert made.operation == "put_events"
            entries = made.params["Entries"]
            assert 0 < len(entries) <= 10
            for entry in entries:
                told = entry["DetailType"], json.loads(entry["Detail"])
                # The timer repeats itself; what waits twice is told apart by nothing.
                if told not in self.emitted:
                    self.emitted.append(told)
            return {"Entries": [{"EventId": "1"} for _ in entries]}
        if not made.changes:
            invocation.read = self.seq
            return self.cloud.call(made.service, made.operation, made.params)
        self.watcher.acting(invocation, made)
        answer = self.cloud.call(made.service, made.operation, made.params)
        self.watcher.acted(invocation, made, self.note())
        return answer

    def _sent(self, invocation: Invocation, made: Made, fault: Fault) -> dict[str, Any]:
        assert made.operation in ("send_message", "send_message_batch")
        entries = made.params["Entries"] if made.operation == "send_message_batch" else [made.params]
        assert 0 < len(entries) <= 10
        # SQS may take some of a batch and refuse the rest.
        taken = entries[:1] if fault == "partly" else entries
        for entry in taken:
            self.sent.append(Sent(self.seq, outbox.load(entry["MessageBody"])))
            self.tell(f"    {invocation} tells {self.sent[-1].notice.key}")
        refused = [{"Id": one["Id"], "Code": "InternalError", "SenderFault": False} for one in entries[len(taken) :]]
        return {"Successful": [{"Id": one.get("Id")} for one in taken], "Failed": refused}

    def _journalled(self, invocation: Invocation, made: Made, fault: Fault) -> dict[str, Any]:
        before = self.table.items
        try:
            answer = self.table.call(made.operation, made.params, 3 if fault == "lagging" else 0)
        except AwsError as error:
            self.journalled.append((made.operation, made.params, error))
            raise
        self.journalled.append((made.operation, made.params, answer))
        if made.operation in WRITES:
            after = self.table.items
            for key in [key for key in {*before, *after} if before.get(key) is not after.get(key)]:
                self.watcher.wrote(invocation, key, before.get(key), after.get(key))
            return answer
        self.watcher.looked(invocation, made)
        found = answer.get("Responses", {}).get(TABLE, [])
        if fault == "partly" and len(found) > 1:
            # What is missing from both is not there at all.
            keys = [{name: item[name] for name in ("pk", "sk")} for item in found[1:]]
            rest = {TABLE: {**made.params["RequestItems"][TABLE], "Keys": keys}}
            return {"Responses": {TABLE: found[:1]}, "UnprocessedKeys": rest}
        return answer

    # Settings

    def set(self, **changes: Any) -> None:
        """Change settings: from the next invocation on they are in force."""
        self.settings = replace(self.settings, **changes)
