"""Changes that somebody has made by hand, in the ledger, and the API and the functions that take them back."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chalicelib import registry, settings, wiring
from chalicelib import reverting as reverts
from chalicelib.events import API_CALL
from chalicelib.journal import Journal
from chalicelib.ledger import entry, frames
from chalicelib.ledger.book import Book
from chalicelib.model import Finding
from tests.account import TABLE, TestAccount
from tests.api.client import Api
from tests.functions import test_ledger as ledger
from tests.functions.test_guards import Context
from tests.rights import LEDGER
from tests.samples import ACCOUNT, REGION, moment
from tests.scenario import Scenario
from tests.scenarios import REVERTS

ON = "".join(f'[guardrails.{one.guardrail}]\nmode = "approve"\n' for one in REVERTS)


class Reverting:
    """An account with a ledger, the API, and the guard functions."""

    def __init__(self, account: TestAccount, file: Path) -> None:
        self.account, self.api, self.settings = account, Api(account), file
        self.book: Book = ledger.stand(account)
        self.book.begin(account.clock() - 86400 * 30)

    def happen(self, scenario: Scenario) -> tuple[str, dict[str, Any]]:
        """Have somebody make a change, which the ledger keeps; returns the resource, and the change's event."""
        resource = scenario.build(self.account)
        event = scenario.breach(self.account, resource)
        earlier = event["detail"].pop("earlier", None)
        if earlier:
            self.keep(earlier, 3600.0)
        self.keep(event)
        return resource, event

    def keep(self, event: dict[str, Any], ago: float = 1.0) -> str:
        """Have the ledger keep what was called so long ago; returns the change's id."""
        at = moment(self.account.clock() - ago)
        frame = {**event, "detail-type": API_CALL, "time": at, "detail": {**event["detail"], "eventTime": at}}
        whole = frames.kept(frame)
        change = entry.change(frame)
        self.book.write([change], {change.id: whole} if whole else {})
        return change.id

    def wake(self, service: str, kind: str = registry.REVERT, **detail: Any) -> list[Finding]:
        """Deliver an event of our own to a guard function; returns all findings, oldest first."""
        module = importlib.import_module(f"chalicelib.functions.guard_{service}")
        handler = self.account.running(f"guard_{service}", getattr(module, f"guard_{service}"))
        frame = {
            "version": "0", "id": "00000000-0000-4000-a000-000000000001", "detail-type": kind, "source": "parapet",
            "account": ACCOUNT, "time": moment(time.time()), "region": REGION, "resources": [],
            "detail": {"service": service, **detail},
        }  # fmt: skip
        handler(frame, Context(self.account.request()))
        return self.account.findings()

    def decide(self, finding: Finding, kind: str = "approve") -> str:
        """Have somebody decide over HTTP, and the function do it; returns the command's answer."""
        why = {"why": "it broke the shop"}
        body = {"reject": why, "exempt": {**why, "for": "7d"}}.get(kind, {})
        status, asked = self.api.call("POST", f"/v1/findings/{finding.id}/{kind}", body=body)
        assert status == 202, asked
        self.wake(registry.service_of(finding.violation.guardrail), "Parapet Command", command=asked["id"])
        command = self.account.journal.command(asked["id"])
        assert command
        return command.answer


@contextmanager
def reverting(account: TestAccount, given: str = ON) -> Iterator[Reverting]:
    """The environment of the API and of the guard functions, under some settings."""
    before = list(wiring._given)
    account.clock.at = time.time()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        file = Path(folder) / "parapet.toml"
        file.write_text(given, "utf-8")
        loaded = settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), reverts.rails())
        account.set(guardrails=loaded.guardrails)
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
            "PARAPET_LEDGER": LEDGER, "PARAPET_SLACK_QUEUE": account.queue,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        wiring.use(account.functions)
        yield Reverting(account, file)
    wiring._given[:] = before
    wiring.pipeline.cache_clear()


def play(account: TestAccount) -> None:
    """Have each kind of change taken back."""
    with reverting(account) as room:
        for one in REVERTS:
            _, event = room.happen(one)
            change = event["detail"]["eventID"]
            assert room.api.call("POST", f"/v1/changes/{change}/revert")[0] == 202
            assert [f.status for f in room.wake(registry.service_of(one.guardrail), change=change)][-1] == "asked"
            # Whoever explains says what is offered, and who has decided that it is to stand.
            explains, on = account.aws("enrich"), reverts.Terms(frozenset({one.guardrail}))
            told = (Book(explains, LEDGER), Journal(explains, TABLE), on, change, account.clock())
            assert reverts.offer(*told).what
            assert room.decide(room.account.findings()[-1], "reject") == "rejected"
            assert "has rejected that" in reverts.offer(*told).why
