"""The artefact as Lambda runs it: unpacked, nothing else on the path, one event of every kind, its effect looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from app import app
from chalicelib import __version__, registry
from chalicelib.heartbeat import parameter
from chalicelib.model import STATUSES, Finding, Scope, Waiver
from chalicelib.notices.outbox import dump
from chalicelib.reports import asking
from chalicelib.reports.book import Book
from local import costs
from local.costs import CostExplorer
from local.deployment import load
from local.pagerduty import KEY, PagerDutyStandIn
from local.querying import Querying
from local.slack import SlackStandIn
from tests import alarmed, samples
from tests.account import TABLE, TestAccount
from tests.api import watched
from tests.api.client import KEY as TOKEN_KEY
from tests.api.client import Api, token_key
from tests.api.client import event as request
from tests.api.slacking import ACTIONS, ALICE, FORM, SECRET, SIGNING, Slacking, signature
from tests.functions import test_alert as alerting
from tests.functions import test_channels as channels
from tests.functions import test_ledger as ledger
from tests.functions import test_reports as reporting
from tests.functions.test_evidence import held, store
from tests.notices.rendered import ALERT
from tests.notices.samples import FIXED
from tests.notices.serving import serving
from tests.rights import LEDGER, QUEUES
from tests.samples import ACCOUNT, REGION
from tests.scenarios import SCENARIOS

pytestmark = pytest.mark.xdist_group("package")

SCRIPT = Path(__file__).with_name("lambda_process.py")
HANDLERS = {one.name: one.handler_string for one in (*app.event_sources, *app.builtin_auth_handlers)}
HANDLERS |= {"api_handler": "app.app"}
GUARDS = [f"guard_{service}" for service in registry.services()]
# Of the functions that only alarms and people wake, one remedy each.
ALARMED = {
    f"guard_{service}": next(one for one in alarmed.every() if registry.service_of(one.guardrail) == service)
    for service in registry.services()
    if all(rail.alarmed or rail.reverts for rail in registry.of(service))
}
# What a guard function's cold start does not wait for.
SLOW = {"aws_lambda_powertools", "boto3", "slack_sdk"}
TOKEN, PARAMETER = "xoxb-synthetic-token-1", "/parapet/slack-token"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-"
TICK = {
    "version": "0", "id": "00000000-0000-4000-8000-00000000000a", "detail-type": "Scheduled Event",
    "source": "aws.events", "account": ACCOUNT, "time": "2026-11-18T09:46:41Z", "region": REGION,
    "resources": [], "detail": {},
}  # fmt: skip


@dataclass
class Packaged:
    """The artefact at work in a test's account, which its process reaches over the wire."""

    account: TestAccount
    task: Path
    endpoint: str
    slack: str = ""
    settings: str = ""
    more: dict[str, str] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)

    def invoke(self, function: str, event: Any) -> Any:
        """Hand a function an event in a process of its own; returns its answer."""
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.task / "nobody"),
            "AWS_LAMBDA_FUNCTION_NAME": f"parapet-test-{function}",
            "LAMBDA_TASK_ROOT": str(self.task),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": self.endpoint,
            "PARAPET_STAGE": "test",
            "PARAPET_TABLE": TABLE,
            "PARAPET_SLACK_QUEUE": self.account.queue,
            "PARAPET_SLACK_TOKEN": PARAMETER,
            "PARAPET_SLACK_SIGNING_SECRET": SIGNING,
            "PARAPET_SLACK_URL": self.slack,
            "PARAPET_SETTINGS": self.settings,
            **self.more,
        }
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", SCRIPT, self.task, HANDLERS[function]],
            input=json.dumps(event),
            env=environment,
            capture_output=True,
            text=True,
            cwd=self.task.parent,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])
        self._nothing_else(said["modules"])
        self.imported = {name.split(".")[0] for name in said["modules"]}
        return said["answer"]

    def _nothing_else(self, modules: dict[str, list[str | None]]) -> None:
        library = os.path.realpath(os.path.dirname(os.__file__))
        for name, (source, compiled) in modules.items():
            assert source is not None
            if source.startswith(f"{self.task}/"):
                assert compiled is not None
                assert Path(compiled).is_file(), f"{name} was compiled at start"
            else:
                assert os.path.realpath(source).startswith(library), f"{name} is not in the artefact"
                assert "site-packages" not in source

    def findings(self) -> list[Finding]:
        """Every finding in the journal."""
        return [finding for status in STATUSES for finding in self.account.journal.by_status(status)]

    def bus(self) -> Callable[[], list[Any]]:
        """Listen to what is put on the event bus; returns what takes it."""
        sqs, events = self.account.client("sqs"), self.account.client("events")
        queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="listener", EventPattern=json.dumps({"source": ["parapet"]}))
        events.put_targets(Rule="listener", Targets=[{"Id": "listener", "Arn": arn}])

        def take() -> list[Any]:
            found: list[Any] = []
            while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                found += [json.loads(message["Body"]) for message in messages]
            return found

        return take


@pytest.fixture
def packaged(account: TestAccount, task: Path) -> Iterator[Packaged]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Packaged(account, task, f"http://{host}:{port}")
    server.stop()


def test_every_function_is_tried() -> None:
    tried = {
        *GUARDS,
        "alert",
        "api_handler",
        "authorizer",
        "digest",
        "enrich",
        "evidence",
        "failures",
        "heartbeat",
        "ledger",
        "notify",
        "notify_email",
        "notify_pagerduty",
        "reminders",
        "reports",
        "sweep",
        "timer",
    }
    assert {function.name for function in load("test").functions} == tried == set(HANDLERS)


@pytest.mark.parametrize("function", [one for one in GUARDS if one not in ALARMED])
def test_a_guard_function_does_what_its_guardrail_promises(packaged: Packaged, function: str) -> None:
    account, service = packaged.account, function.removeprefix("guard_")
    # The account-wide block of S3 is at a host of its own, which moto's server does not have.
    scenarios = [one for one in SCENARIOS if registry.get(one.guardrail).service == service]
    scenario = next((one for one in scenarios if _enforced(one.guardrail)), scenarios[0])
    resource = scenario.build(account)
    innocent = scenario.state(account, resource)
    event = scenario.breach(account, resource)
    packaged.invoke(function, event)
    assert not packaged.imported & SLOW
    [finding] = packaged.findings()
    assert finding.violation.guardrail == scenario.guardrail
    if _enforced(scenario.guardrail):
        assert finding.status == "fixed"
        assert scenario.state(account, resource) == innocent
    else:
        assert finding.status in ("noted", "observed")
    [notice] = account.notices()
    assert notice.finding == finding.id


def _enforced(name: str) -> bool:
    return registry.get(name).default["event"] == "enforce" and name != "s3_account_unblocked"


def test_the_reminders_tell_what_ends_soon(packaged: Packaged) -> None:
    account, now = packaged.account, time.time()
    account.journal.waive(Waiver("0" * 16, Scope(resource="sg-1"), now + 86400, "alice", "x", now - 30 * 86400))
    packaged.invoke("reminders", TICK)
    [notice] = account.notices()
    assert notice.thread == "waiver:" + "0" * 16


def test_the_digest_tells_what_the_account_costs(packaged: Packaged) -> None:
    costs.plug_in(CostExplorer(time.time))
    packaged.invoke("digest", TICK)
    assert packaged.account.notices()[0].name == "daily"


def test_the_reports_are_run(packaged: Packaged, tmp_path: Path) -> None:
    account = packaged.account
    reporting.stand(account)
    reporting.write(account, time.time() - 30, "timeout")
    file = tmp_path / "parapet.toml"
    # None comes by its schedule meanwhile.
    file.write_text(watched.SERVICES + reporting.REPORTS.replace("1 minute", "365 days"), "utf-8")
    packaged.settings = str(file)
    asking.ask(Book(account.ours, TABLE), reporting.chosen()[0], "ada", time.time() + 1, "0123456789abcdef")
    with Querying(takes=(0.0, 0.0)).plugged():
        packaged.invoke("reports", TICK)
    [notice] = account.notices()
    assert notice.title == "Top error messages, shop: 1 row"
    assert account.client("s3").list_objects_v2(Bucket=reporting.BUCKET)["KeyCount"] == 1


@pytest.mark.parametrize("function", sorted(ALARMED))
def test_a_guard_function_mends_what_an_alarm_is_about(packaged: Packaged, function: str, tmp_path: Path) -> None:
    account, remedy = packaged.account, ALARMED[function]
    resource = alarmed.broken(account, remedy)
    ill = remedy.state(account, resource)
    file = tmp_path / "parapet.toml"
    file.write_text(f"[[remedies]]\nalarm = '*'\nguardrail = '{remedy.guardrail}'\nmode = 'enforce'", "utf-8")
    packaged.settings = str(file)
    detail = {
        "service": registry.service_of(remedy.guardrail), "guardrail": remedy.guardrail, "subject": resource,
        "account": ACCOUNT, "region": REGION, "alarm": alarmed.ALARM, "event": "report-1", "time": time.time(),
    }  # fmt: skip
    packaged.invoke(function, {**TICK, "source": "parapet", "detail-type": registry.ALARM, "detail": detail})
    assert not packaged.imported & SLOW
    assert [finding.status for finding in packaged.findings()] == ["fixed"]
    assert remedy.state(account, resource) != ill


def test_the_sweep_asks_for_every_guardrail(packaged: Packaged) -> None:
    take = packaged.bus()
    packaged.invoke("sweep", TICK)
    swept = {event["detail"]["guardrail"] for event in take()}
    assert swept == {rail.name for rail in registry.load() if rail.swept}


def test_the_timer_asks_for_another_look(packaged: Packaged) -> None:
    account = packaged.account
    scenario = next(one for one in SCENARIOS if one.guardrail == "ec2_security_group_open")
    resource = scenario.build(account)
    [finding] = account.deliver(scenario.breach(account, resource))
    account.undo(finding, seconds=1)
    take = packaged.bus()
    packaged.invoke("timer", TICK)
    assert [event["detail"] for event in take()] == [{"service": "ec2", "finding": finding.id}]


def test_the_heartbeat_beats(packaged: Packaged) -> None:
    packaged.invoke("heartbeat", TICK)
    value = packaged.account.client("ssm").get_parameter(Name=parameter("test"))["Parameter"]["Value"]
    assert value.endswith(f"Z {__version__}")


def test_the_evidence_is_kept(packaged: Packaged) -> None:
    store(packaged.account)
    packaged.invoke("evidence", TICK)
    assert {one.rsplit("/", 1)[-1] for one in held(packaged.account)} == {"entries.jsonl", "manifest.json"}


def test_notify_tells_slack(packaged: Packaged) -> None:
    slack = SlackStandIn(token=TOKEN)
    packaged.account.client("ssm").put_parameter(Name=PARAMETER, Value=TOKEN, Type="SecureString")
    record = _message(json.dumps(_plain(FIXED)), "parapet-slack.fifo")
    with serving(slack) as address:
        packaged.slack = f"{address}/api/"
        assert packaged.invoke("notify", {"Records": [record]}) == {"batchItemFailures": []}
    [root] = slack.threads()
    assert FIXED.title in root["text"]


@contextmanager
def queues(packaged: Packaged) -> Iterator[dict[str, str]]:
    """The queues of alerts and evidence, by name."""
    sqs = packaged.account.client("sqs")
    made = {name: sqs.create_queue(QueueName=QUEUES[name][0])["QueueUrl"] for name in ("alerts", "enrich")}
    packaged.more = {"PARAPET_ALERT_QUEUE": made["alerts"], "PARAPET_ENRICH_QUEUE": made["enrich"]}
    yield made


def test_alert_tells_of_an_alarm_and_enrich_of_its_evidence(packaged: Packaged) -> None:
    account = packaged.account
    with queues(packaged) as made:
        firing = json.dumps(alerting.alarm(name="checkout-5xx"))
        assert packaged.invoke("alert", {"Records": [_message(firing)]}) == {"batchItemFailures": []}
        [notice] = account.notices()
        assert (notice.status, notice.name) == ("firing", "checkout-5xx")
        [wanted] = account.client("sqs").receive_message(QueueUrl=made["enrich"])["Messages"]
        assert packaged.invoke("enrich", {"Records": [_message(wanted["Body"])]}) == {"batchItemFailures": []}
        [evidence] = account.notices()
        assert evidence.thread == notice.thread
        assert len(evidence.lines) > len(notice.lines)


def test_ledger_keeps_what_was_changed(packaged: Packaged) -> None:
    book = ledger.stand(packaged.account)
    packaged.more = {"PARAPET_LEDGER": LEDGER}
    told = {"Records": [_message(json.dumps(ledger.deleted()))]}
    assert packaged.invoke("ledger", told) == {"batchItemFailures": []}
    # Nothing that this function does takes long to import.
    assert not packaged.imported & SLOW
    at = samples.clock[0]()
    assert [one.actor for one in book.between(at - 60, at + 60).changes] == ["alice"]


def test_pagerduty_is_told(packaged: Packaged) -> None:
    pagerduty = PagerDutyStandIn()
    packaged.account.client("ssm").put_parameter(Name="/parapet/pagerduty-key", Value=KEY, Type="SecureString")
    with serving(pagerduty) as address:
        url = f"{address}/v2/enqueue"
        packaged.more = {"PARAPET_PAGERDUTY_KEY": "/parapet/pagerduty-key", "PARAPET_PAGERDUTY_URL": url}
        told = {"Records": [_message(dump(ALERT))]}
        assert packaged.invoke("notify_pagerduty", told) == {"batchItemFailures": []}
    assert [incident.status for incident in pagerduty.incidents] == ["triggered"]


def test_mail_is_sent(packaged: Packaged) -> None:
    account = packaged.account
    stage = channels.Stage(account, PagerDutyStandIn())
    packaged.more = {"PARAPET_EMAIL_TOPIC": channels.TOPIC}
    assert packaged.invoke("notify_email", {"Records": [_message(dump(ALERT))]}) == {"batchItemFailures": []}
    [mail] = stage.mails()
    assert mail.startswith("checkout-5xx: 12.5 % of requests fail\n")


def test_failures_tells_of_what_lambda_gave_up_on(packaged: Packaged) -> None:
    given_up = {
        "version": "1.0", "timestamp": "2026-11-18T09:46:41.000Z",
        "requestContext": {
            "requestId": "r1", "functionArn": f"{FUNCTION}guard_ec2:$LATEST",
            "condition": "RetriesExhausted", "approximateInvokeCount": 3,
        },
        "requestPayload": {"id": "e1"}, "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no such thing", "errorType": "KeyError"},
    }  # fmt: skip
    record = {
        "EventSource": "aws:sns",
        "Sns": {"Subject": None, "Message": json.dumps(given_up), "MessageAttributes": {}},
    }
    packaged.invoke("failures", {"Records": [record]})
    [notice] = packaged.account.notices()
    assert notice.kind == "trouble"


def test_the_api_answers(packaged: Packaged) -> None:
    account = packaged.account
    scenario = next(one for one in SCENARIOS if one.guardrail == "ec2_security_group_open")
    resource = scenario.build(account)
    [finding] = account.deliver(scenario.breach(account, resource))
    answer = packaged.invoke("api_handler", request("GET", f"/v1/findings/{finding.id}", at=account.clock()))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["id"] == finding.id


def test_the_authorizer_takes_the_apis_tokens(packaged: Packaged, monkeypatch: pytest.MonkeyPatch) -> None:
    token_key(packaged.account, monkeypatch)
    packaged.more = {"PARAPET_TOKEN_KEY": TOKEN_KEY}
    given = json.loads(packaged.invoke("api_handler", request("POST", "/v1/token", at=time.time()))["body"])
    where = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc123def4/api/GET/v1/health"
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {given['token']}", "methodArn": where}
    said = packaged.invoke("authorizer", event)
    assert (said["principalId"], said["context"]["scope"]) == ("alice", "read")
    assert not packaged.imported & SLOW


def test_the_api_hears_a_button_in_slack(packaged: Packaged) -> None:
    slack, account = SlackStandIn(token=TOKEN, now=packaged.account.clock), packaged.account
    for name, value in ((PARAMETER, TOKEN), (SIGNING, SECRET)):
        account.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")
    with serving(slack) as address:
        packaged.slack = f"{address}/api/"
        room = Slacking(Api(account), slack, address, packaged.task)
        payload = room.pressed(ALICE, room.root(finding := room.api.breach()), "undo")
        body = urlencode({"payload": json.dumps(payload)})
        headers = {"Content-Type": FORM, **signature(SECRET, account.clock(), body.encode())}
        raw = request("POST", ACTIONS, body=body, at=account.clock(), arn=None, headers=headers)
        assert packaged.invoke("api_handler", raw)["statusCode"] == 200
    assert slack.calls == ["usergroups.list", "chat.update"]
    [command] = room.commands()
    assert command["finding"]["S"] == finding.id


def _message(body: str, queue: str = "parapet-test-alerts") -> dict[str, Any]:
    return {
        "messageId": "m1", "receiptHandle": "r1", "body": body, "messageAttributes": {},
        "attributes": {"MessageGroupId": "thread", "ApproximateReceiveCount": "1"}, "md5OfBody": "0",
        "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}", "awsRegion": REGION,
    }  # fmt: skip


def _plain(notice: Any) -> dict[str, Any]:
    return {name: getattr(notice, name) for name in notice.__slots__}
