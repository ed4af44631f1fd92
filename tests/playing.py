"""Everything that our functions do in an account, played once under their roles, and what IAM is asked for by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from chalice import Chalice

from chalicelib import commands, registry, wiring
from chalicelib.alerts.book import Book
from chalicelib.functions import authorizer, evidence, heartbeat, notify, reminders
from chalicelib.model import Scope, Waiver
from local.iam.enforcer import Role
from local.iam.policy import Need
from local.iam.requests import Call
from local.iam.resources import Place
from local.slack import SlackStandIn
from tests import alarmed, reverting
from tests.account import TABLE, TestAccount
from tests.alarmed import Alarmed
from tests.alerts import office
from tests.api import explaining, ledgered, queried, traced, watched
from tests.api import test_reports as reported
from tests.api.client import STAGE_ARN, Api, Context, token_key
from tests.api.slacking import ALICE, slacking
from tests.functions import test_alert as alerting
from tests.functions import test_channels as channels
from tests.functions import test_digest as spending
from tests.functions import test_enrich as enriching
from tests.functions import test_evidence as keeping
from tests.functions import test_guards as guards
from tests.functions import test_ledger as keeping_changes
from tests.functions import test_notify as telling
from tests.functions import test_reports as reporting
from tests.notices.samples import FIXED
from tests.notices.serving import serving
from tests.scenario import Scenario
from tests.scenarios import REVERTS, SCENARIOS

Accounts = Callable[[], AbstractContextManager[TestAccount]]
EVERYWHERE = """
[[routes]]
slack = "#parapet"
pagerduty = "default"
email = ["oncall@example.com"]
"""
TOKEN = "xoxb-synthetic-token-1"


@dataclass
class Asked:
    """What was asked for, by function, each thing once."""

    needs: dict[str, dict[str, tuple[Place, Need]]] = field(default_factory=dict)

    @contextmanager
    def of(self, account: TestAccount, stage: str = "test") -> Iterator[None]:
        """Listen while an account is played in."""

        def told(role: Role, call: Call, needs: Sequence[Need]) -> None:
            function = role.name.removeprefix(f"parapet-{stage}-").replace("-", "_")
            known = self.needs.setdefault(function, {})
            known.update({repr((call.place, need)): (call.place, need) for need in needs})

        account.shared.enforcer.told = told
        yield

    def by(self, function: str) -> list[tuple[Place, Need]]:
        """What a function asked for, and where it did."""
        return list(self.needs.get(function, {}).values())


def everything(accounts: Accounts) -> Asked:
    """Play all that there is."""
    asked = Asked()
    for scenario in (*SCENARIOS, *REVERTS):
        for one in (scenario, *scenario.also):
            with accounts() as account, asked.of(account):
                episode(account, one)
    for remedy in alarmed.every():
        for each in (remedy, *remedy.also):
            with accounts() as account, asked.of(account):
                remedied(account, each)
    with accounts() as account, asked.of(account), deployed(account) as slack:
        _scheduled(account)
        _told(account, slack)
        _over_http(account)
    with accounts() as account, asked.of(account):
        channels.play(account)
    with accounts() as account, asked.of(account):
        enriching.play(account)
    with accounts() as account, asked.of(account):
        keeping_changes.play(account)
    with accounts() as account, asked.of(account):
        ledgered.play(account)
    with accounts() as account, asked.of(account):
        queried.play(account)
    with accounts() as account, asked.of(account):
        reporting.play(account)
    with accounts() as account, asked.of(account):
        reported.play(account)
    with accounts() as account, asked.of(account):
        traced.play(account)
    with accounts() as account, asked.of(account):
        watched.play(account)
    with accounts() as account, asked.of(account):
        explaining.play(account)
    with accounts() as account, asked.of(account):
        reverting.play(account)
    with (
        accounts() as account,
        asked.of(account),
        TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        alerting.staged(account, patch, Path(folder)) as desk,
    ):
        alerting.play(desk)
    with accounts() as account, asked.of(account), TemporaryDirectory() as folder:
        _from_slack(account, Path(folder))
    return asked


def episode(account: TestAccount, scenario: Scenario) -> None:
    """Break a promise, have it fixed, undone and looked at again, with sweeps between."""
    account.enforce()
    account.everywhere()
    rail = registry.get(scenario.guardrail)
    service = rail.service
    resource = scenario.build(account)
    _swept(account, scenario)
    event = scenario.breach(account, resource)
    [finding] = account.deliver(event, "twice")
    # EventBridge delivers at least once.
    account.deliver(event, "twice")
    if not rail.can_fix:
        assert account.obey(account.ask("exempt", finding)).status == "refused"
    else:
        assert finding.status == "fixed"
        assert account.undo(finding).answer == "undone"
        _swept(account, scenario)
        account.clock.forward(3601)
        for due in account.journal.due(account.clock()):
            account.pipeline(service).look_again(due.id, account.request())
        _swept(account, scenario)


def remedied(account: TestAccount, one: Alarmed) -> None:
    """Have an alarm fire about what is ill, told twice, and have that mended and, where it can be, undone."""
    account.enforce()
    account.everywhere()
    resource = alarmed.broken(account, one)
    for _ in range(2):
        [finding] = alarmed.wake(account, one.guardrail, resource)
    assert finding.status == "fixed"
    if finding.undo:
        assert account.undo(finding).answer == "undone"


def _swept(account: TestAccount, scenario: Scenario) -> None:
    if registry.get(scenario.guardrail).subjects is not None:
        account.sweep(scenario.guardrail)


@contextmanager
def deployed(account: TestAccount) -> Iterator[SlackStandIn]:
    """The environment of the functions; gives their Slack."""
    account.client("ssm").put_parameter(Name="/parapet/slack-token", Value=TOKEN, Type="SecureString")
    before, slack = list(wiring._given), SlackStandIn(token=TOKEN)
    account.everywhere()
    with pytest.MonkeyPatch.context() as patch, serving(slack) as url, TemporaryDirectory() as folder:
        token_key(account, patch)
        chosen = Path(folder) / "parapet.toml"
        chosen.write_text(EVERYWHERE, "utf-8")
        for name, value in {
            "AWS_REGION": "eu-west-1",
            "PARAPET_STAGE": "test",
            "PARAPET_TABLE": TABLE,
            "PARAPET_SLACK_TOKEN": "/parapet/slack-token",
            "PARAPET_SLACK_QUEUE": account.queue,
            "PARAPET_PAGERDUTY_QUEUE": account.queues["pagerduty"],
            "PARAPET_EMAIL_QUEUE": account.queues["email"],
            "PARAPET_SETTINGS": str(chosen),
            "PARAPET_SLACK_URL": f"{url}/api/",
        }.items():
            patch.setenv(name, value)
        wiring.use(account.functions)
        notify.slack.cache_clear()
        yield slack
        notify.slack.cache_clear()
        wiring._given[:] = before
        wiring.pipeline.cache_clear()


def _scheduled(account: TestAccount) -> None:
    stage = guards.Stage(account, guards.Recorder(account.functions))
    stage.undone("over", ago=7200)
    stage.undone("permitted", ago=60)
    soon = Waiver("0" * 16, Scope(resource="sg-1"), time.time() + 86400, "alice", "x", time.time() - 30 * 86400)
    account.journal.waive(soon)
    account.clock.at = time.time()
    commands.pause(account.journal, account.command("pause", scope=Scope(service="rds")))
    spending.play(account)
    for function in ("sweep", "timer", "reminders", "digest"):
        stage.tick(function)
    # On a Monday.
    reminders.proposal(Book(account.aws("reminders"), TABLE), 1_794_787_200.0)
    Chalice(app_name="parapet").register_blueprint(heartbeat.blueprint)
    account.running("heartbeat", heartbeat.heartbeat)(guards.TICK, guards.Context())
    Chalice(app_name="parapet").register_blueprint(evidence.blueprint)
    keeping.store(account)
    keep = account.running("evidence", evidence.evidence)
    keep(guards.TICK, guards.Context())
    # What an interrupted run has left is taken up.
    account.client("s3").delete_object(Bucket=keeping.BUCKET, Key=keeping.newest(account))
    keep(guards.TICK, guards.Context())


def _told(account: TestAccount, slack: SlackStandIn) -> None:
    stage = telling.Stage(account, slack)
    assert all(stage.notify(FIXED))
    stage.fail("{}")


def _over_http(account: TestAccount) -> None:
    api = Api(account)
    _, given = api.call("POST", "/v1/token", at=time.time())
    shown = {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {given['token']}",
        "methodArn": f"{STAGE_ARN}/GET/v1/pause",
    }
    Chalice(app_name="parapet").register_blueprint(authorizer.blueprint)
    # In an environment of its own it reads the key by itself.
    wiring.token_keys.cache_clear()
    assert account.running("authorizer", authorizer.authorizer)(shown, Context())["principalId"] == "alice"
    finding = api.breach()
    for query in ({}, {"status": "fixed"}, {"resource": finding.violation.resource}):
        api.get("/v1/findings", **query)
    for path in (f"/v1/findings/{finding.id}", "/v1/guardrails", "/v1/health", "/v1/pause"):
        api.get(path)
    _, undo = api.call("POST", f"/v1/findings/{finding.id}/undo")
    api.get(f"/v1/commands/{undo['id']}")
    group = office.fires(account)
    for path in ("/v1/alerts", f"/v1/alerts/{group.id}", "/v1/silences"):
        api.get(path)
    assert api.call("POST", f"/v1/alerts/{group.id}/acknowledge")[0] == 202
    silenced = api.call("POST", "/v1/silences", body={"service": "search", "for": "1h", "why": "a deploy"})
    assert silenced[0] == 201, silenced
    api.call("DELETE", f"/v1/silences/{silenced[1]['silence']['id']}")
    api.call("POST", "/v1/pause", body={"why": "an incident"})
    api.call("DELETE", "/v1/pause")
    _, given = api.call("POST", "/v1/exemptions", body={"why": "a honeypot", "for": "7d", "resource": "sg-1"})
    assert api.get("/v1/exemptions")["exemptions"]
    assert api.call("DELETE", f"/v1/exemptions/{given['exemption']['id']}")[0] == 200


def _from_slack(account: TestAccount, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, slacking(account, patch, folder) as room:
        finding = room.api.breach()
        room.press(ALICE, finding, "undo")
        for text in ("status", "findings", f"who {finding.violation.resource}", "pause 30m why an incident", "resume"):
            room.type(ALICE, text)
