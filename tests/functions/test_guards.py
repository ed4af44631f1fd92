"""The guard functions, sweep and timer as Lambda calls them: raw events, a context, an environment, moto."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import commands, registry, wiring
from chalicelib.aws import ConnectAs, Keys
from chalicelib.bus import COMMAND, LOOK_AGAIN, SWEEP
from chalicelib.events import parse
from chalicelib.model import AwsError, BadEvent, Finding, ParapetError, Scope
from chalicelib.registry import ALARM
from chalicelib.section import SettingsError
from local.patterns import matches
from tests import alarmed
from tests.account import TABLE, TestAccount
from tests.guardrails import test_ec2_instance_stopped as stopped
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, REGION, assumed, cloudtrail, moment
from tests.scenarios import SCENARIOS

NAME = SCENARIO.guardrail
OTHER = "210987654321"


@dataclass
class Context:
    """What Lambda tells about an invocation."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000001"
    function_name: str = "parapet-test-guard_ec2"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-guard_ec2"


@dataclass
class Recorder:
    """Clients of which EventBridge's keeps what is put, and refuses what it is told to."""

    clients: ConnectAs
    entries: list[list[dict[str, Any]]] = field(default_factory=list)
    refuse: int = -1

    def __call__(self, service: str, region: str, keys: Keys | None = None) -> Any:
        return self if service == "events" else self.clients(service, region, keys)

    @property
    def meta(self) -> Any:
        return SimpleNamespace(method_to_api_mapping={"put_events": "PutEvents"})

    def put_events(self, **params: Any) -> dict[str, Any]:
        self.entries.append(params["Entries"])
        told: list[dict[str, Any]] = self.clients("events", REGION).put_events(**params)["Entries"]
        if self.refuse == len(self.entries) - 1:
            told[-1] = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
        return {"Entries": told, "FailedEntryCount": 0}

    def details(self, kind: str) -> list[dict[str, Any]]:
        """What was put, all of one kind and of ours."""
        entries = [entry for batch in self.entries for entry in batch]
        assert all((entry["Source"], entry["DetailType"]) == ("parapet", kind) for entry in entries)
        return [json.loads(entry["Detail"]) for entry in entries]


@dataclass
class Stage:
    """Parapet's functions in an account, as they are deployed."""

    account: TestAccount
    events: Recorder

    def __post_init__(self) -> None:
        self.account.clock.at = time.time()

    def call(self, event: Any, service: str = "ec2", request: str = "r1") -> list[Finding]:
        """Invoke a guard function; returns all findings, oldest first."""
        module = importlib.import_module(f"chalicelib.functions.guard_{service}")
        handler = self.account.running(f"guard_{service}", getattr(module, f"guard_{service}"))
        handler(event, Context(aws_request_id=request))
        return self.findings()

    def tick(self, function: str) -> None:
        """Invoke a scheduled function."""
        module = importlib.import_module(f"chalicelib.functions.{function}")
        self.account.running(function, getattr(module, function))(TICK, Context())

    def findings(self) -> list[Finding]:
        now = time.time()
        return sorted(self.account.journal.by_time(now - 86400, now + 60), key=lambda finding: finding.opened)

    def ours(self, kind: str, **detail: Any) -> dict[str, Any]:
        """An event of our own as EventBridge delivers it."""
        return {
            "version": "0",
            "id": "00000000-0000-4000-a000-000000000001",
            "detail-type": kind,
            "source": "parapet",
            "account": ACCOUNT,
            "time": moment(time.time()),
            "region": REGION,
            "resources": [],
            "detail": {"service": "ec2", **detail},
        }

    def breach(self, group: str) -> dict[str, Any]:
        return {**SCENARIO.breach(self.account, group), "time": moment(time.time())}

    def undone(self, name: str, ago: float) -> Finding:
        """A group that was opened and undone so many seconds ago, for an hour."""
        account = self.account
        account.clock.at = time.time() - ago
        group = account.client("ec2").create_security_group(GroupName=name, Description="x")["GroupId"]
        account.pipeline("ec2").handle(parse(SCENARIO.breach(account, group)), account.request())
        [finding] = account.journal.by_resource(group)
        assert account.undo(finding).answer == "undone"
        return finding


@pytest.fixture
def stage(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in {
        "AWS_REGION": REGION,
        "PARAPET_STAGE": "test",
        "PARAPET_TABLE": TABLE,
        "PARAPET_SLACK_QUEUE": account.queue,
    }.items():
        monkeypatch.setenv(name, value)
    before = list(wiring._given)
    events = Recorder(account.functions)
    wiring.use(events)
    yield Stage(account, events)
    wiring._given[:] = before
    wiring.pipeline.cache_clear()


class TestGuards:
    def test_a_call_is_put_right_recorded_and_told(self, stage: Stage) -> None:
        group = SCENARIO.build(stage.account)
        innocent = SCENARIO.state(stage.account, group)
        event = stage.breach(group)
        assert SCENARIO.state(stage.account, group) != innocent
        [finding] = stage.call(event)
        assert SCENARIO.state(stage.account, group) == innocent
        assert (finding.status, finding.violation.resource, finding.event_id) == (
            "fixed",
            group,
            event["detail"]["eventID"],
        )
        assert [notice.finding for notice in stage.account.notices()] == [finding.id]

    @pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.guardrail)
    def test_every_function_sees_what_its_guardrails_are_about(self, stage: Stage, scenario: Any) -> None:
        resource = scenario.build(stage.account)
        event = scenario.breach(stage.account, resource)
        event["detail"]["eventTime"] = moment(time.time())
        found = stage.call(event, scenario.guardrail.split("_", 1)[0])
        assert scenario.guardrail in [finding.violation.guardrail for finding in found]

    def test_an_event_that_wakes_nothing_does_nothing(self, stage: Stage) -> None:
        assert stage.call(cloudtrail("ec2:CreateTags", {})) == []
        assert stage.account.notices() == []

    def test_the_same_request_again_takes_up_what_the_first_had_begun(self, stage: Stage) -> None:
        group = SCENARIO.build(stage.account)
        event = stage.breach(group)
        stage.account.wire.fail(lambda _, made: "throttle" if made.operation == "RevokeSecurityGroupIngress" else None)
        with pytest.raises(AwsError, match="ThrottlingException"):
            stage.call(event)
        assert [finding.status for finding in stage.findings()] == ["fixing"]
        stage.account.wire.calm()
        assert [finding.status for finding in stage.call(event)] == ["fixed"], "the lease is that of this request"

    def test_a_command_is_carried_out(self, stage: Stage) -> None:
        group = SCENARIO.build(stage.account)
        event = stage.breach(group)
        broken = SCENARIO.state(stage.account, group)
        [finding] = stage.call(event)
        command = stage.account.ask("undo", finding)
        [undone] = stage.call(stage.ours(COMMAND, command=command.id))
        assert undone.status == "undone"
        assert undone.history[-1].by == "bob"
        assert SCENARIO.state(stage.account, group) == broken

    def test_what_is_due_is_looked_at_again(self, stage: Stage) -> None:
        finding = stage.undone("one", ago=7200)
        group = finding.violation.resource
        [old, new] = stage.call(stage.ours(LOOK_AGAIN, finding=finding.id))
        assert (old.status, new.status) == ("undone", "fixed")
        [found] = stage.account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert found["IpPermissions"] == []
        assert stage.account.journal.due(time.time()) == []

    def test_a_sweep_finds_what_stands(self, stage: Stage) -> None:
        group = SCENARIO.build(stage.account)
        stage.breach(group)
        [finding] = stage.call(stage.ours(SWEEP, guardrail=NAME))
        mode = stage.account.settings.mode(registry.get(NAME), "sweep")
        expected = {"approve": "asked", "observe": "observed", "enforce": "fixed"}[mode]
        assert (finding.origin, finding.actor, finding.status) == ("sweep", None, expected)
        assert finding.violation.resource == group

    def test_calls_under_a_role_of_ours_are_left_alone(self, stage: Stage) -> None:
        event = stage.breach(SCENARIO.build(stage.account))
        event["detail"]["userIdentity"] = assumed("parapet-test-guard-ec2")
        assert stage.call(event) == []
        event["detail"]["userIdentity"] = assumed("parapet-prod-guard-ec2")
        assert len(stage.call(event)) == 1, "another stage is somebody else"

    def test_one_environment_is_wired_once(self, stage: Stage) -> None:
        assert wiring.pipeline("ec2", ACCOUNT) is wiring.pipeline("ec2", ACCOUNT)


RINGS = {
    "guardrail": "ec2_instance_stopped", "subject": "i-1", "account": ACCOUNT, "region": REGION,
    "alarm": "checkout-5xx", "event": "report-1", "time": 100.0,
}  # fmt: skip


class TestAlarms:
    def test_one_that_is_bound_asks(self, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        text = "[[remedies]]\nalarm = 'checkout-*'\nguardrail = 'ec2_instance_stopped'"
        use_settings(monkeypatch, tmp_path, text)
        alarmed.bind(stage.account, "ec2_instance_stopped")
        instance = stopped.build(stage.account)
        stopped.stop(stage.account, instance)
        alarmed.put(stage.account, {"InstanceId": instance}, "checkout-5xx")
        alarmed.ring(stage.account, name="checkout-5xx")
        detail = {**RINGS, "subject": instance, "time": time.time()}
        [finding] = stage.call(stage.ours(ALARM, **detail))
        assert (finding.status, finding.event_name) == ("asked", "alarm checkout-5xx")

    def test_one_that_is_not_wakes_nothing(self, stage: Stage) -> None:
        assert stage.call(stage.ours(ALARM, **RINGS)) == []


class TestMalformed:
    @pytest.mark.parametrize("service", registry.services())
    @pytest.mark.parametrize(
        ("event", "text"),
        [
            (None, "an event must be a JSON object, this one is NoneType"),
            ([], "an event must be a JSON object, this one is list"),
            ("{}", "this one is str"),
            ({}, "the event lacks id, account, region, time, source, detail-type, detail"),
            ({"source": "parapet", "detail-type": SWEEP, "detail": {}}, "the event lacks id, account, region, time:"),
        ],
    )
    def test_shape(self, stage: Stage, service: str, event: Any, text: str) -> None:
        with pytest.raises(BadEvent) as caught:
            stage.call(event, service)
        assert text in str(caught.value)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"source": 7}, "the event's source must be text"),
            ({"account": ""}, "the event's account must be text"),
            ({"detail": "x"}, "the event's detail must be an object"),
            ({"detail": {}}, "lacks detail.eventName: is it a CloudTrail record?"),
            ({"detail": {"eventName": 1, "eventSource": "x", "userIdentity": {}}}, "of the wrong type"),
        ],
    )
    def test_calls(self, stage: Stage, change: dict[str, Any], text: str) -> None:
        with pytest.raises(BadEvent) as caught:
            stage.call({**cloudtrail("ec2:RunInstances", {}), **change})
        assert text in str(caught.value)

    @pytest.mark.parametrize(
        ("kind", "detail", "text"),
        [
            (COMMAND, {}, "must name its command"),
            (COMMAND, {"command": ""}, "must name its command"),
            (COMMAND, {"command": {"id": 1}}, "must name its command"),
            (COMMAND, {"command": "deadbeef"}, "there is no command deadbeef: only what is recorded"),
            (LOOK_AGAIN, {}, "must name its finding"),
            (LOOK_AGAIN, {"finding": "nothing0"}, "there is no finding nothing0"),
            (SWEEP, {}, "must name its guardrail"),
            (SWEEP, {"guardrail": "s3_bucket_acl_public"}, "'s3_bucket_acl_public' is not run by this function"),
            (ALARM, {}, "must name its guardrail"),
            (ALARM, {**RINGS, "subject": ""}, "must name its subject"),
            (ALARM, {**RINGS, "alarm": ["x"]}, "must name its alarm"),
            (ALARM, {**RINGS, "time": "now"}, "must say when that changed, in epoch seconds"),
            (ALARM, {**RINGS, "time": True}, "must say when that changed, in epoch seconds"),
            (ALARM, {**RINGS, "guardrail": NAME}, f"{NAME} takes no alarm"),
            (ALARM, {**RINGS, "guardrail": "ecs_service_stuck"}, "'ecs_service_stuck' is not run by this function"),
            (ALARM, {**RINGS, "account": OTHER}, f"an alarm of {OTHER} arrived, which is not among the watched"),
            ("Parapet Dance", {}, "'Parapet Dance' is not an event of Parapet's that a guard function knows"),
            ("AWS API Call via CloudTrail", {}, "is not an event of Parapet's"),
        ],
    )
    def test_events_of_ours(self, stage: Stage, kind: str, detail: dict[str, Any], text: str) -> None:
        with pytest.raises(BadEvent) as caught:
            stage.call(stage.ours(kind, **detail))
        assert text in str(caught.value)
        assert stage.account.notices() == []

    def test_an_event_of_another_account_names_what_to_mend(self, stage: Stage) -> None:
        event = of_another_account(stage.breach(SCENARIO.build(stage.account)))
        with pytest.raises(BadEvent, match=rf"an event of {OTHER} arrived.*parapet\.accounts in parapet\.toml"):
            stage.call(event)
        assert stage.findings() == []

    def test_an_account_that_is_watched_without_a_role_there(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        use_settings(monkeypatch, tmp_path, f"[parapet]\naccounts = ['{ACCOUNT}', '{OTHER}']")
        event = of_another_account(stage.breach(SCENARIO.build(stage.account)))
        with pytest.raises(ParapetError, match="PARAPET_EXTERNAL_ID is not set: deploy with the parameter ExternalId"):
            stage.call(event)
        assert stage.findings() == []

    def test_an_event_of_another_region_names_what_to_mend(self, stage: Stage) -> None:
        event = {**stage.breach(SCENARIO.build(stage.account)), "region": "ap-south-1"}
        with pytest.raises(BadEvent, match=r"an event of ap-south-1 arrived.*parapet\.regions"):
            stage.call(event)


def of_another_account(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "account": OTHER, "detail": {**event["detail"], "recipientAccountId": OTHER}}


def use_settings(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    file = folder / "parapet.toml"
    file.write_text(text, "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(file))


class TestEnvironment:
    @pytest.mark.parametrize(
        ("names", "text"),
        [
            (["PARAPET_TABLE"], "PARAPET_TABLE is not set: it names the journal's table"),
            (["PARAPET_SLACK_QUEUE"], "PARAPET_SLACK_QUEUE is not set: it names the outbox's queue"),
            (["AWS_REGION", "AWS_DEFAULT_REGION"], "AWS_REGION is not set: it names the region"),
        ],
    )
    def test_what_is_missing_is_named(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, names: list[str], text: str
    ) -> None:
        event = stage.breach(SCENARIO.build(stage.account))
        for name in names:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ParapetError, match=text):
            stage.call(event)
        assert stage.findings() == []

    def test_once_it_is_set_the_same_environment_works(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        event = stage.breach(SCENARIO.build(stage.account))
        monkeypatch.delenv("PARAPET_TABLE")
        with pytest.raises(ParapetError):
            stage.call(event)
        monkeypatch.setenv("PARAPET_TABLE", TABLE)
        assert len(stage.call(event)) == 1

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("[guardrails.ec2_securty_group_open]", "did you mean 'ec2_security_group_open'"),
            (f"[guardrails.{NAME}]\nmode = 'enforced'", "'enforced' is not a mode"),
            ("[limit]", "limit is not a setting; did you mean 'limits'"),
        ],
    )
    def test_a_typo_in_the_settings_stops_everything(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, error: str
    ) -> None:
        use_settings(monkeypatch, tmp_path, text)
        event = stage.breach(SCENARIO.build(stage.account))
        with pytest.raises(SettingsError) as caught:
            stage.call(event)
        assert error in str(caught.value)
        assert stage.findings() == []

    def test_a_mode_in_the_settings_is_in_force(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        use_settings(monkeypatch, tmp_path, f"[guardrails.{NAME}]\nmode = 'observe'")
        group = SCENARIO.build(stage.account)
        event = stage.breach(group)
        broken = SCENARIO.state(stage.account, group)
        [finding] = stage.call(event)
        assert finding.status == "observed"
        assert SCENARIO.state(stage.account, group) == broken


TICK: dict[str, Any] = {
    "version": "0",
    "id": "00000000-0000-4000-a000-000000000002",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2026-11-21T08:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sweep"],
    "detail": {},
}


class TestSweep:
    def test_asks_for_every_guardrail_once_the_trails_first(self, stage: Stage) -> None:
        stage.tick("sweep")
        details = stage.events.details(SWEEP)
        names = [detail["guardrail"] for detail in details]
        assert sorted(names) == [rail.name for rail in registry.load() if rail.swept]
        trails = [name for name in registry.names() if name.startswith("cloudtrail_")]
        assert trails
        assert names[: len(trails)] == trails
        assert {(detail["account"], detail["region"]) for detail in details} == {(ACCOUNT, REGION)}
        assert all(detail["service"] == registry.get(detail["guardrail"]).service for detail in details)
        assert max(len(batch) for batch in stage.events.entries) <= 10
        assert len(stage.events.entries) == -(-len(names) // 10)

    def test_wakes_the_function_of_each_guardrail(self, stage: Stage) -> None:
        stage.tick("sweep")
        for detail in stage.events.details(SWEEP):
            event = {**stage.ours(SWEEP), "detail": detail}
            woken = [service for service in registry.services() if matches(registry.pattern(service), event)]
            assert woken == [registry.get(detail["guardrail"]).service]

    def test_each_of_its_events_is_understood(self, stage: Stage) -> None:
        stage.tick("sweep")
        for detail in stage.events.details(SWEEP):
            stage.call(stage.ours(SWEEP, **detail), detail["service"])
        assert {finding.origin for finding in stage.findings()} == {"sweep"}

    @pytest.mark.parametrize("refused", [0, 1])
    def test_an_event_that_eventbridge_refuses_is_an_error(self, stage: Stage, refused: int) -> None:
        stage.events.refuse = refused
        with pytest.raises(AwsError, match="events:PutEvents answered InternalFailure: try again"):
            stage.tick("sweep")


class TestTimer:
    def test_asks_for_another_look_at_what_is_due_and_nothing_else(self, stage: Stage) -> None:
        due, later = stage.undone("one", ago=3700), stage.undone("two", ago=60)
        stage.events.entries.clear()
        stage.tick("timer")
        assert stage.events.details(LOOK_AGAIN) == [{"service": "ec2", "finding": due.id}]
        assert due.id != later.id

    def test_with_nothing_due_it_puts_nothing(self, stage: Stage) -> None:
        stage.undone("one", ago=60)
        stage.events.entries.clear()
        stage.tick("timer")
        assert stage.events.entries == []

    def test_asks_until_the_guard_function_has_looked(self, stage: Stage) -> None:
        stage.undone("one", ago=3700)
        stage.events.entries.clear()
        for _ in range(2):
            stage.tick("timer")
        first, second = stage.events.details(LOOK_AGAIN)
        assert first == second
        stage.call(stage.ours(LOOK_AGAIN, **first))
        stage.events.entries.clear()
        stage.tick("timer")
        assert stage.events.entries == []

    def test_many_go_in_tens(self, stage: Stage) -> None:
        for number in range(11):
            stage.undone(f"group-{number}", ago=3700)
        stage.events.entries.clear()
        stage.tick("timer")
        assert [len(batch) for batch in stage.events.entries] == [10, 1]

    def test_without_a_table_it_says_so(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PARAPET_TABLE")
        with pytest.raises(ParapetError, match="PARAPET_TABLE is not set"):
            stage.tick("timer")

    def test_tells_of_what_people_switch_and_of_no_other_command(self, stage: Stage) -> None:
        account = stage.account
        finding = stage.undone("one", ago=60)
        account.clock.at = time.time()
        account.ask("undo", finding)
        paused, aws = account.command("pause", scope=Scope(service="ec2")), account.ours
        commands.pause(account.journal, paused)
        account.clock.forward(1)
        commands.resume(account.journal, aws, account.command("resume", scope=Scope(service="ec2")))
        account.clock.forward(1)
        given = account.command("exempt", scope=Scope(resource="sg-1"))
        commands.waive(account.journal, given)
        account.clock.forward(1)
        commands.end_waiver(account.journal, aws, account.command("resume"), given.id)
        account.notices()
        for _ in range(2):
            stage.tick("timer")
        found = account.notices()
        assert [(notice.thread, notice.status) for notice in found] == [
            ("pause:service=ec2", "paused"), ("pause:service=ec2", "resumed"),
            (f"waiver:{given.id}", "exempted"), (f"waiver:{given.id}", "ended"),
        ]  # fmt: skip
        assert found[0].key == f"command:{paused.id}"

    @pytest.mark.parametrize("ahead", [-3000.0, 3000.0])
    def test_tells_also_of_what_a_clock_that_goes_wrong_has_asked_for(self, stage: Stage, ahead: float) -> None:
        stage.account.clock.at = time.time() + ahead
        commands.pause(stage.account.journal, stage.account.command("pause"))
        stage.tick("timer")
        assert [notice.thread for notice in stage.account.notices()] == ["pause:all"]

    def test_does_what_is_owed_though_it_cannot_tell(self, stage: Stage) -> None:
        due = stage.undone("one", ago=3700)
        stage.account.clock.at = time.time()
        commands.pause(stage.account.journal, stage.account.command("pause"))
        stage.events.entries.clear()
        stage.account.wire.fail(lambda _, made: "deny" if made.operation == "SendMessageBatch" else None)
        with pytest.raises(AwsError, match="sqs:SendMessage"):
            stage.tick("timer")
        assert stage.events.details(LOOK_AGAIN) == [{"service": "ec2", "finding": due.id}]

    def test_tells_though_it_cannot_do_what_is_owed(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        stage.account.clock.at = time.time()
        commands.pause(stage.account.journal, stage.account.command("pause"))
        use_settings(monkeypatch, tmp_path, "[limit]")
        with pytest.raises(SettingsError):
            stage.tick("timer")
        assert [notice.thread for notice in stage.account.notices()] == ["pause:all"]
