"""Signals in, notices out: the whole of the alerts' core on the strict table, with a clock that is moved by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib import commands
from chalicelib.alerts import quiet
from chalicelib.alerts.book import Book
from chalicelib.alerts.dispatch import Dispatch, Moved, Rules
from chalicelib.alerts.model import Group
from chalicelib.alerts.quiet import Inhibit
from chalicelib.alerts.signal import Alarm, Signal, State
from chalicelib.journal import Journal
from chalicelib.matcher import Matcher
from chalicelib.model import Asker, Command, CommandKind, Destination, Notice, Severity
from chalicelib.notices import outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Route, Routes
from chalicelib.settings import Settings
from tests.account import Clock
from tests.machine.table import Table

NOW = 1_795_000_000.0
TABLE = "parapet-test-journal"
ACCOUNT, REGION = "123456789012", "eu-west-1"
ALICE = Asker("alice", "slack:U012AB3CD", "slack")
BOB = Asker("bob", "slack:U0BOB45EF", "slack")
QUEUES = {"slack": "slack.fifo", "pagerduty": "pagerduty.fifo", "email": "email.fifo"}
# What SQS takes for the same within so many seconds.
SAME_FOR = 300.0


class Crash(BaseException):
    """The invocation is gone, in the middle of what it did."""


@dataclass
class Cloud:
    """Our own account: the table and the queues; `crash_at` is the call before (negative: after) which it all ends."""

    clock: Clock
    table: Table = field(default_factory=lambda: Table(TABLE))
    sent: list[tuple[str, float, Notice]] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION
    calls: int = 0
    mortal: bool = False
    crash_at: int = 0
    last: dict[tuple[str, str], float] = field(default_factory=dict)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        assert not absent
        self.calls += self.mortal
        if self.mortal and self.calls == self.crash_at:
            raise Crash
        answer = self._sqs(params) if service == "sqs" else self.table.call(operation, params)
        if self.mortal and self.calls == -self.crash_at:
            raise Crash
        return answer

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        assert service == "dynamodb"
        found: list[Any] = self(service, operation, **params)[key]
        return found

    def _sqs(self, params: dict[str, Any]) -> dict[str, Any]:
        assert 0 < len(params["Entries"]) <= 10
        for entry in params["Entries"]:
            mark = params["QueueUrl"], entry["MessageDeduplicationId"]
            if self.last.get(mark, -SAME_FOR) <= self.clock() - SAME_FOR:
                self.last[mark] = self.clock()
                notice = outbox.load(entry["MessageBody"])
                assert entry["MessageGroupId"]
                self.sent.append((params["QueueUrl"].partition(".")[0], self.clock(), notice))
        return {}


@dataclass
class Desk:
    """One stage with its alerts."""

    routes: Routes = field(default_factory=Routes)
    inhibit: tuple[Inhibit, ...] = (quiet.PAGE_OVER_TICKET,)

    def __post_init__(self) -> None:
        self.clock = Clock(NOW)
        self.cloud = Cloud(self.clock)
        self.book, self.journal = Book(self.cloud, TABLE), Journal(self.cloud, TABLE)
        self.moved: list[Moved] = []
        self.reminded: list[tuple[str, float]] = []
        self.ids = itertools.count(1)
        self.settings = Settings(stage="test", table=TABLE)
        self.dispatch = Dispatch(
            self.book,
            self.journal,
            Outbox(self.cloud, dict(QUEUES), self.routes),  # type: ignore[arg-type]
            Rules(self.routes, self.inhibit),
            self.clock,
            self.moved.append,
            lambda group, seconds: self.reminded.append((group, self.clock() + seconds)),
        )

    # What happens

    def signal(self, name: str = "checkout-5xx", state: State = "firing", **changes: Any) -> Signal:
        """A signal of an alarm, as of now."""
        alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
        made = Signal(
            id=f"signal-{next(self.ids)}",
            source="alarm",
            fingerprint=alarm,
            state=state,
            severity="high",
            name=name,
            title=f"{name} is in ALARM" if state == "firing" else f"{name} is OK",
            lines=("5xx is 12, over 5",),
            facts=(("Value", "12"), ("Threshold", "5")),
            at=self.clock(),
            since=self.clock(),
            account=ACCOUNT,
            region=REGION,
            service="checkout",
            alarm=Alarm(alarm, "metric"),
        )
        return replace(made, **changes)

    def report(self, *signals: Signal) -> None:
        """Have signals taken, ten at a time."""
        for start in range(0, len(signals), 10):
            assert self.dispatch.receive(signals[start : start + 10]) == {}

    def fires(self, name: str = "checkout-5xx", **changes: Any) -> Signal:
        """An alarm begins to fire."""
        signal = self.signal(name, "firing", **changes)
        self.report(signal)
        return signal

    def ends(self, name: str = "checkout-5xx", **changes: Any) -> Signal:
        """An alarm is OK again."""
        signal = self.signal(name, "resolved", **changes)
        self.report(signal)
        return signal

    def passes(self, seconds: float) -> None:
        """Time passes, and the timer looks every minute, the reminders when they are due."""
        end = self.clock.at + seconds
        minute = self.clock.at
        while self.clock.at < end:
            minute = minute + 60.0 if minute <= self.clock.at else minute
            due = min([at for _, at in self.reminded], default=end)
            self.clock.at = max(self.clock.at, min(end, minute, due))
            for group, at in list(self.reminded):
                if at <= self.clock.at:
                    self.reminded.remove((group, at))
                    self.dispatch.look_at_group(group)
            if self.clock.at >= minute:
                self.tick()

    def tick(self) -> None:
        """The timer has what is due looked at."""
        alerts, groups = self.book.due(self.clock())
        for one in groups:
            self.dispatch.look_at_group(one)
        for one in alerts:
            self.dispatch.look_at_alert(one)

    def asks(self, kind: CommandKind, asker: Asker = ALICE, group: Group | None = None, **more: Any) -> Command:
        """Somebody presses a button, and it is carried out."""
        about = group or self.only()
        command = commands.new(kind, asker, self.clock(), self.settings, alert=about.id, question=about.episode, **more)
        self.journal.ask(command)
        self.dispatch.carry_out(command.id)
        found = self.journal.command(command.id)
        assert found
        return found

    def silences(self, matcher: Matcher, seconds: float) -> str:
        """Somebody silences what fits."""
        command = commands.new(
            "silence", ALICE, self.clock(), self.settings, matcher=matcher, until=self.clock() + seconds, why="deploy"
        )
        return commands.silence(self.journal, self.book, command, matcher).id

    # What came of it

    def only(self) -> Group:
        """The one group that there is."""
        found = self.book.groups("firing") + self.book.groups("resolved")
        assert len(found) == 1
        return found[0]

    def told(self, channel: str = "slack") -> list[Notice]:
        """What went into a channel's queue, in order."""
        return [notice for queue, _, notice in self.cloud.sent if queue == channel]

    def news(self, channel: str = "slack") -> list[str]:
        """The statuses of what went into a channel's queue, in order."""
        return [notice.status for notice in self.told(channel)]


def paged(severity: Sequence[Severity] = ("critical", "high"), **route: Any) -> Routes:
    """Routes by which some severities page."""
    destination = Destination("#checkout", "checkout", ("oncall@example.com",))
    return Routes(given=(Route("paged", destination, Matcher(severity=tuple(severity)), **route),))


def readable(notice: Notice) -> str:
    """A notice as JSON, to see in a failure."""
    return json.dumps({"title": notice.title, "lines": notice.lines, "status": notice.status})
