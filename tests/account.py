"""A moto account with Parapet in it: what the tests of guardrails and of the pipeline play on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import commands, registry
from chalicelib.aws import AccountAws, Clients
from chalicelib.events import parse
from chalicelib.journal import Journal
from chalicelib.model import ORIGINS, Aws, Command, Finding
from chalicelib.notices import outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.pipeline import Pipeline
from chalicelib.settings import Settings
from tests import samples
from tests.samples import ACCOUNT, REGION
from tests.wire import Wire

NOW = 1_795_000_001.0
TABLE = "parapet-test"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class TestAccount:
    """The account as its people see it (`client`), and Parapet at work in it (`deliver`, `undo`, `sweep`)."""

    __test__ = False
    clients: Clients
    wire: Wire
    queue: str
    clock: Clock
    settings: Settings

    def __post_init__(self) -> None:
        self._requests = itertools.count(1)
        # People call a second before we look.
        samples.clock[0] = lambda: self.clock() - 1
        self.ours: Aws = AccountAws(self.clients, ACCOUNT, REGION)
        self.journal = Journal(self.ours, TABLE)

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of the account's people."""
        return self.clients(service, region)

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)

    def mode(self, guardrail: str, event: str = "enforce", sweep: str = "enforce", **options: Any) -> None:
        """Set a guardrail's modes and options."""
        own = {"mode": {"event": event, "sweep": sweep}, **options}
        self.set(guardrails={**self.settings.guardrails, guardrail: own})

    def enforce(self) -> None:
        """Set every guardrail that can fix to fix, whatever made us look."""
        modes = {rail.name: {"mode": dict.fromkeys(ORIGINS, "enforce")} for rail in registry.load() if rail.can_fix}
        self.set(guardrails=modes)

    def request(self) -> str:
        """A new Lambda request id."""
        return f"request-{next(self._requests)}"

    def pipeline(self, service: str) -> Pipeline:
        """The pipeline of one guard function."""

        def reach(account: str, region: str) -> Aws:
            assert account == ACCOUNT
            return AccountAws(self.clients, account, region or REGION)

        return Pipeline(
            registry.of(service), self.settings, self.journal, Outbox(self.ours, (self.queue,)), reach, self.clock
        )

    def deliver(self, raw: Mapping[str, Any], request: str = "", service: str = "") -> list[Finding]:
        """Deliver a call's event to the guard function it wakes; returns all findings, oldest first."""
        names = [service] if service else [name for name in registry.services() if self._wakes(name, raw)]
        for name in names:
            self.pipeline(name).handle(parse(raw), request or self.request())
        return self.findings()

    def _wakes(self, service: str, raw: Mapping[str, Any]) -> bool:
        return bool(registry.woken(registry.of(service), parse(raw)))

    def sweep(self, guardrail: str, request: str = "") -> list[Finding]:
        """Sweep one guardrail; returns all findings, oldest first."""
        service = guardrail.split("_", 1)[0]
        self.pipeline(service).sweep(guardrail, ACCOUNT, (REGION,), request or self.request())
        return self.findings()

    def ask(self, kind: Any, finding: Finding, seconds: float = 3600.0, who: str = "bob") -> Command:
        """Record a command without carrying it out."""
        now = self.clock()
        return commands.ask(self.journal, self.ours, kind, finding, who, "a reason", now, now + seconds)

    def obey(self, command: Command, request: str = "") -> Command:
        """Carry a command out, as its guard function does; returns it with its answer."""
        commands.carry_out(self.pipeline(command.service), command.id, request or self.request())
        answered = self.journal.command(command.id)
        assert answered is not None
        return answered

    def undo(self, finding: Finding, seconds: float = 3600.0) -> Command:
        """Ask for an undo and carry it out."""
        return self.obey(self.ask("undo", finding, seconds))

    def findings(self) -> list[Finding]:
        """Every finding, oldest first."""
        return sorted(self.journal.by_time(NOW - 86400, NOW + 400 * 86400), key=lambda finding: finding.opened)

    def notices(self) -> list[Any]:
        """Take every notice out of the outbox, in order."""
        sqs = self.client("sqs")
        found: list[Any] = []
        while True:
            answer = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(outbox.load(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])


def canonical(value: Any) -> Any:
    """A state without order in its dicts, and as JSON has it."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))
