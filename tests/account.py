"""A moto account with Parapet in it: what the tests of guardrails and of the pipeline play on."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import commands, items, obeying, records, registry
from chalicelib.aws import AccountAws, Clients
from chalicelib.events import parse
from chalicelib.journal import Journal, Place
from chalicelib.model import ORIGINS, Asker, Aws, Channel, Command, Destination, Exemption, Finding
from chalicelib.notices import outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Route, Routes
from chalicelib.pipeline import Pipeline
from chalicelib.settings import Settings
from local.iam import enforcer
from local.iam.enforcer import Enforcer, Role
from local.roles import Roles
from tests import rights, samples
from tests.memory import Memory
from tests.samples import ACCOUNT, REGION
from tests.wire import Wire

NOW = 1_795_000_001.0
TABLE = rights.TABLE
# What a guardrail's fix needs of the settings.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "budgets_account_unbudgeted": {
        "monthly_limit": 1000, "tell": f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-test-alerts",
    },
}  # fmt: skip


class Clock:
    """A clock that stands until it is moved, or somebody sleeps by it."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)


@dataclass(frozen=True)
class Shared:
    """What takes long to make: people's clients, which may do all, and the functions', which their roles restrict."""

    people: Clients
    functions: Clients
    enforcer: Enforcer
    wire: Wire
    memory: Memory

    def reset(self) -> None:
        """Forget what the last test did."""
        self.wire.reset()
        self.memory.table = None
        self.enforcer.reset()
        self.enforcer.world = rights.WORLD


class As:
    """Calls as a function's role makes them, and nobody else's meanwhile."""

    def __init__(self, role: Callable[[], Role], aws: Aws) -> None:
        self._role, self._aws = role, aws
        self.account, self.region = aws.account, aws.region

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        with enforcer.acting(self._role()):
            return self._aws(service, operation, absent=absent, **params)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        with enforcer.acting(self._role()):
            return self._aws.all(service, operation, key, **params)


@dataclass
class TestAccount:
    """The account as its people see it (`client`), and Parapet at work in it (`deliver`, `undo`, `sweep`).

    What Parapet does, it does under the roles that would be deployed with the settings of this account.
    """

    __test__ = False
    shared: Shared
    queue: str
    clock: Clock
    settings: Settings

    def __post_init__(self) -> None:
        # Where our functions tell; with routes, everywhere.
        self.queues: dict[Channel, str] = {"slack": self.queue}
        self.routes: Routes | None = None
        self._requests = itertools.count(1)
        self._held: dict[str, Role] = {}
        self.clients, self.functions, self.wire = self.shared.people, self.shared.functions, self.shared.wire
        # People call a second before we look.
        samples.clock[0] = lambda: self.clock() - 1
        self.ours: Aws = AccountAws(self.clients, ACCOUNT, REGION)
        self.journal = Journal(self.ours, TABLE)

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of the account's people."""
        return self.clients(service, region)

    def everywhere(self) -> None:
        """Have whatever is told go to every channel."""
        sqs = self.client("sqs")
        others: tuple[Channel, ...] = ("pagerduty", "email")
        for channel in others:
            name, _ = rights.QUEUES[channel]
            made = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
            self.queues[channel] = made
        self.routes = Routes(Route("everywhere", Destination("#parapet", "default", ("oncall@example.com",))))

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)

    def mode(self, guardrail: str, event: str = "enforce", sweep: str = "enforce", **options: Any) -> None:
        """Set a guardrail's modes and options."""
        own = {"mode": {"event": event, "sweep": sweep}, **options}
        self.set(guardrails={**self.settings.guardrails, guardrail: own})

    def enforce(self) -> None:
        """Set every guardrail that can fix to fix, whatever made us look."""
        modes = {
            rail.name: {"mode": dict.fromkeys(ORIGINS, "enforce"), **OPTIONS.get(rail.name, {})}
            for rail in registry.load()
            if rail.can_fix
        }
        self.set(guardrails=modes)

    def request(self) -> str:
        """A new Lambda request id."""
        return f"request-{next(self._requests)}"

    @property
    def roles(self) -> Roles:
        """The functions' roles under the settings in force."""
        return rights.roles(self.settings)

    def role(self, function: str) -> Role:
        """The role of a function, such as `notify`, as it is deployed or as `hold` has changed it."""
        return self._held.get(function) or self.roles.role(function)

    def hold(self, function: str, document: Mapping[str, Any]) -> None:
        """Have a function's role hold another policy than what is deployed with it."""
        self._held[function] = self.roles.holding(function, dict(document))

    def acting(self, function: str) -> AbstractContextManager[None]:
        """Have the calls that are made meanwhile through `functions` be those of a function."""
        return enforcer.acting(self.role(function))

    def running(self, function: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler as Lambda runs it: under the function's role."""

        @functools.wraps(handler)
        def run(*given: Any, **named: Any) -> Any:
            with self.acting(function):
                return handler(*given, **named)

        return run

    def aws(self, function: str, region: str = REGION) -> Aws:
        """The calls of a function."""
        return As(lambda: self.role(function), AccountAws(self.functions, ACCOUNT, region))

    def pipeline(self, service: str) -> Pipeline:
        """The pipeline of one guard function."""
        function = f"guard_{service}"

        def reach(account: str, region: str) -> Aws:
            assert account == ACCOUNT
            return self.aws(function, region or REGION)

        ours = self.aws(function)
        journal, outbox = Journal(ours, TABLE), Outbox(ours, self.queues, self.routes)
        return Pipeline(registry.of(service), self.settings, journal, outbox, reach, self.clock)

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

    def ask(self, kind: Any, finding: Finding, seconds: float = 3600.0, who: str = "bob", **more: Any) -> Command:
        """Record a command about a finding without carrying it out."""
        return commands.ask(self.journal, self.ours, self.command(kind, who, seconds, finding=finding, **more))

    def command(self, kind: Any, who: str = "bob", seconds: float = 3600.0, **more: Any) -> Command:
        """Return a command of a person's, not yet asked; `seconds` is how long its permission or pause counts."""
        now, asker = self.clock(), Asker(who, f"arn:aws:iam::{ACCOUNT}:user/{who}", "cli")
        ends = kind in ("undo", "exempt", "pause")
        given = {"why": "a reason", "until": now + seconds if ends else 0.0, **more}
        return commands.new(kind, asker, now, self.settings, **given)

    def permit(self, where: Place, exemption: Exemption) -> None:
        """Leave a permission at a head, as the first version's command line did for whole resources."""
        self.client("dynamodb").update_item(
            TableName=TABLE,
            Key=where.key,
            UpdateExpression="SET #exempt = :exemption ADD rev :one",
            ExpressionAttributeNames={"#exempt": f"exempt {exemption.part}"},
            ExpressionAttributeValues=items.item({":exemption": records.exemption_record(exemption), ":one": 1}),
        )

    def obey(self, command: Command, request: str = "") -> Command:
        """Carry a command out, as its guard function does; returns it with its answer."""
        obeying.carry_out(self.pipeline(command.service), command.id, request or self.request())
        answered = self.journal.command(command.id)
        assert answered is not None
        return answered

    def undo(self, finding: Finding, seconds: float = 3600.0) -> Command:
        """Ask for an undo and carry it out."""
        return self.obey(self.ask("undo", finding, seconds))

    def findings(self) -> list[Finding]:
        """Every finding, oldest first."""
        # The index is read whole: by time it would be a query for every month.
        found = self.ours.all("dynamodb", "scan", "Items", TableName=TABLE, IndexName="by_time")
        return sorted((records.finding(items.values(one)) for one in found), key=lambda finding: finding.opened)

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
