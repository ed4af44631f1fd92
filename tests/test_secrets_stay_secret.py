"""Canary secrets, many ways to fail, and a grep through all that leaves our functions."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import telemetry, wiring
from chalicelib.functions import failures as failures_module
from chalicelib.functions import guard_ec2 as guard_module
from chalicelib.functions import notify as notify_module
from chalicelib.model import Notice, ParapetError, Pause
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.slack import Slack
from chalicelib.secrets import QUIETER, Kept, Secret, redacted
from local.slack import SCOPES, Fault, SlackStandIn
from tests.account import TABLE, TestAccount
from tests.functions.test_guards import TICK
from tests.functions.test_notify import Context, _record
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.notices.samples import FIXED, notice
from tests.notices.serving import serving
from tests.samples import ACCOUNT, REGION

# In all canaries, so that a part of one is found too.
CORE = "c4nary"
# Not of the shape of Slack's tokens: what has only a shape is not what is proven here.
TOKEN = f'{CORE}-"Quo/ted"-1'
ROTATED = f'{CORE}-"Quo/ted"-2'
PARAMETER = "/parapet/slack-token"


class Crash(Exception):
    """A defect of ours whose text holds the token."""


class Ebbing(Context):
    """An invocation whose time runs out."""

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= 1000
        return self.milliseconds


@dataclass
class Outputs:
    """All that leaves our functions: what they print and log, raise, write down, send and show."""

    account: TestAccount
    slack: SlackStandIn
    texts: list[tuple[str, str]] = field(default_factory=list)

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Collect what is printed and logged, by every library and at every level, and the error that comes out."""
        out, err, logs = io.StringIO(), io.StringIO(), io.StringIO()
        handler, root = logging.StreamHandler(logs), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                yield
        except Exception as error:
            self.add(f"{what}: traceback", "".join(traceback.format_exception(error)))
            raise
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            for name, text in (("stdout", out), ("stderr", err), ("log", logs)):
                self.add(f"{what}: {name}", text.getvalue())

    def run(self, function: str, handler: Callable[..., Any], event: Any) -> Any:
        """Invoke a function under its role; returns its answer, or what Lambda reports of its error."""
        try:
            with self.of(function):
                return self.account.running(function, handler)(event, Ebbing())
        except Exception as error:
            frames = traceback.format_tb(error.__traceback__)
            return {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": frames}

    def gather(self) -> dict[str, str]:
        """Everything so far, with what stands in the table, the outbox, Slack and the environment."""
        dynamodb, sqs = self.account.client("dynamodb"), self.account.client("sqs")
        bodies = sqs.receive_message(QueueUrl=self.account.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        found = {
            "journal": json.dumps(dynamodb.scan(TableName=TABLE)["Items"], default=str),
            "outbox": json.dumps(bodies.get("Messages", []), default=str),
            "Slack": json.dumps(self.slack.messages),
            "environment": json.dumps(dict(os.environ)),
        }
        for where, text in self.texts:
            found[where] = found.get(where, "") + text
        return found

    def leaks(self) -> list[str]:
        """Where a canary can be read, in whatever writing."""
        whole = (TOKEN, ROTATED)
        forms = {CORE, quote(CORE), *(base64.b64encode(one.encode()).decode() for one in whole)}
        return [where for where, text in self.gather().items() if any(form in text for form in forms)]


@dataclass
class Stage:
    """notify, failures and a guard function, with the canary where the token is kept."""

    account: TestAccount
    slack: SlackStandIn
    outputs: Outputs
    sleep: Callable[[float], None] = lambda _seconds: None

    def put(self, token: str) -> None:
        ssm = self.account.client("ssm")
        ssm.put_parameter(Name=PARAMETER, Value=token, Type="SecureString", Overwrite=True)

    def notify(self, *notices: Notice) -> list[bool]:
        """Hand notices to the function; returns which were told."""
        self.us._api._sleep = self.sleep
        records = [{**_record(one), "messageId": f"m{number}"} for number, one in enumerate(notices)]
        answer = self.outputs.run("notify", notify_module.notify, {"Records": records})
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        return [record["messageId"] not in failed for record in records]

    def fail(self, answer: Any) -> Any:
        """Have Lambda report what a function gave up on, and `failures` tell it."""
        record = {
            "requestContext": {
                "requestId": "r1",
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-notify:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": {"detail-type": "Parapet Sweep", "detail": {"guardrail": "ec2_security_group_open"}},
            "responsePayload": answer,
        }
        sns: dict[str, Any] = {
            "Message": json.dumps(record),
            "Subject": None,
            "TopicArn": "arn:aws:sns:…",
            "MessageAttributes": {},
        }
        event = {"Records": [{"EventSource": "aws:sns", "Sns": sns}]}
        return self.outputs.run("failures", failures_module.failures, event)

    @property
    def us(self) -> Slack:
        """The way to Slack of the environment at work."""
        return notify_module.slack(ACCOUNT)


@pytest.fixture
def stage(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    slack = SlackStandIn(token=TOKEN)
    with serving(slack) as url:
        for name, value in {
            "AWS_REGION": REGION,
            "PARAPET_STAGE": "test",
            "PARAPET_TABLE": TABLE,
            "PARAPET_SLACK_TOKEN": PARAMETER,
            "PARAPET_SLACK_QUEUE": account.queue,
            "PARAPET_SLACK_URL": f"{url}/api/",
        }.items():
            monkeypatch.setenv(name, value)
        before = list(wiring._given)
        wiring.use(account.functions)
        notify_module.slack.cache_clear()
        made = Stage(account, slack, Outputs(account, slack))
        made.put(TOKEN)
        for name in QUIETER:
            logging.getLogger(name).setLevel(logging.NOTSET)
        yield made
        notify_module.slack.cache_clear()
        wiring._given[:] = before
        wiring.pipeline.cache_clear()


OTHER = notice(key="other:0:fixed", thread="other", finding="other", title="Fixed: other")


class TestNotify:
    def test_when_all_is_well(self, stage: Stage) -> None:
        assert stage.notify(FIXED, OTHER) == [True, True]
        assert "told" in stage.outputs.gather()["notify: stdout"]
        assert stage.outputs.leaks() == []

    def test_when_the_token_is_kept_in_secrets_manager(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        stage.account.client("secretsmanager").create_secret(Name="parapet/slack", SecretString=TOKEN)
        monkeypatch.setenv("PARAPET_SLACK_TOKEN", "secretsmanager:parapet/slack")
        stage.account.set(slack_token="secretsmanager:parapet/slack")
        assert stage.notify(FIXED) == [True]
        stage.slack.tokens.clear()
        assert stage.notify(OTHER) == [False]
        assert "Secrets Manager secret parapet/slack is not valid" in stage.outputs.gather()["notify: stdout"]
        assert stage.outputs.leaks() == []

    def test_when_it_was_rotated(self, stage: Stage) -> None:
        assert stage.notify(FIXED) == [True]
        stage.slack.tokens = {ROTATED: frozenset(SCOPES)}
        assert stage.notify(OTHER) == [False], "it was taken away, and the new one is not there yet"
        stage.put(ROTATED)
        assert stage.notify(OTHER) == [True], "the same environment, without a new deployment"
        assert stage.outputs.leaks() == []

    @pytest.mark.parametrize("fault", ["500", "500 after", "broken", "429", "fatal_error", "silence"])
    def test_when_slack_is_ill(self, stage: Stage, fault: Fault) -> None:
        stage.us._api._timeout = 1
        stage.slack.fail(fault, seconds=30 if fault == "429" else 1.5)
        assert stage.notify(FIXED, OTHER) == [False, True]
        assert stage.outputs.leaks() == []

    def test_when_slack_is_not_there(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PARAPET_SLACK_URL", "http://127.0.0.1:9/api/")
        assert stage.notify(FIXED) == [False]
        assert "Slack did not answer" in stage.outputs.gather()["notify: stdout"]
        assert stage.outputs.leaks() == []

    @pytest.mark.parametrize("fault", ["deny", "throttle", "timeout before"])
    @pytest.mark.parametrize("service", ["ssm", "dynamodb"])
    def test_when_aws_is_ill(self, stage: Stage, service: str, fault: Any) -> None:
        stage.account.wire.fail(lambda _, made: fault if made.service == service else None)
        assert stage.notify(FIXED) == [False]
        stage.account.wire.calm()
        assert stage.outputs.leaks() == []

    def test_when_aws_fails_after_the_token_was_used(self, stage: Stage) -> None:
        stage.account.wire.fail(lambda number, _: "throttle" if number == 3 else None)
        assert stage.notify(FIXED) == [False]
        [where] = [made.name for made in stage.account.wire.calls[-1:]]
        assert where == "dynamodb:UpdateItem"
        assert stage.outputs.leaks() == []

    @pytest.mark.parametrize(
        "value",
        [f"{CORE} and more", f"{CORE}\nX-Evil: 1", f'{{"token": "{CORE}"}}', f"{CORE}-sécret", CORE],
        # pytest puts a test's id into the environment.
        ids=["spaces", "line", "JSON", "accent", "short"],
    )
    def test_when_what_is_kept_is_no_token(self, stage: Stage, value: str) -> None:
        stage.put(value)
        assert stage.notify(FIXED) == [False]
        assert "does not hold Slack's bot token" in stage.outputs.gather()["notify: stdout"]
        assert stage.outputs.leaks() == []

    def test_when_the_parameter_is_gone(self, stage: Stage) -> None:
        stage.account.client("ssm").delete_parameter(Name=PARAMETER)
        assert stage.notify(FIXED) == [False]
        assert stage.outputs.leaks() == []

    def test_when_a_defect_of_ours_has_the_token_in_its_text(self, stage: Stage) -> None:
        def sleep(_: float) -> None:
            try:
                raise Crash(f"before: {TOKEN}")
            except Crash as error:
                raise Crash(f"{TOKEN!r} {json.dumps(TOKEN)} {quote(TOKEN)}") from error

        stage.sleep = sleep
        stage.slack.fail("429", seconds=1)
        assert stage.notify(FIXED) == [False]
        written = stage.outputs.gather()["notify: stdout"]
        assert "a defect of Parapet's" in written
        assert "Crash: before: (secret)" in written
        assert stage.outputs.leaks() == []


class Echo:
    """Something in Slack's place that sends back what it was sent."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        token = str(environ.get("HTTP_AUTHORIZATION", "")).removeprefix("Bearer ")
        if self.shape == "status line":
            environ["werkzeug.socket"].sendall(f"HTTP/1.1 {token}\r\n\r\n".encode())
            environ["werkzeug.socket"].shutdown(2)
            return []
        everything = "\n".join(f"{name}: {value}" for name, value in environ.items() if isinstance(value, str))
        status, kind, body, headers = self._answers(token, everything)[self.shape]
        content = body if isinstance(body, str) else json.dumps(body)
        start_response(status, [("Content-Type", kind), *headers])
        return [content.encode()]

    def _answers(self, token: str, everything: str) -> dict[str, tuple[str, str, Any, list[tuple[str, str]]]]:
        js, ok = "application/json", "200 OK"
        refusal = {"ok": False, "error": "invalid_blocks"}
        # So long that a cut at 500 characters goes through the token.
        long = {"messages": ["x" * (500 - len(CORE) - 2) + token]}
        return {
            "text": (ok, "text/plain", everything, []),
            "page": ("500 Oh", "text/html", f"<pre>{everything}</pre>", []),
            "gateway": ("502 Oh", js, {"ok": False, "error": token}, []),
            "reason": (f"400 {token}", js, {}, []),
            "limit": ("429 Oh", js, {"ok": False, "error": "ratelimited"}, [("Retry-After", token)]),
            "moved": ("302 Oh", js, {}, [("Location", f"/{quote(token, safe='')}")]),
            "text in JSON": (ok, js, token, []),
            # slack_sdk shows the first hundred characters of such a text.
            "text cut": (ok, js, "x" * (100 - len(CORE) - 2) + token, []),
            "string": (ok, js, json.dumps(token), []),
            "list": (ok, js, [token], []),
            "error": (ok, js, {"ok": False, "error": token}, []),
            "messages": (ok, js, {**refusal, "response_metadata": {"messages": [everything]}}, []),
            "long": (ok, js, {**refusal, "response_metadata": long}, []),
            "odd messages": (ok, js, {**refusal, "response_metadata": token}, []),
            "scope": (ok, js, {"ok": False, "error": "missing_scope", "needed": token}, []),
            "revoked": (ok, js, {"ok": False, "error": "token_revoked", "token": token}, []),
            "inactive": (ok, js, {"ok": False, "error": "account_inactive", "token": token}, []),
            "stamp": (ok, js, {"ok": True, "channel": "C00000001", "ts": token}, []),
            "channel": (ok, js, {"ok": True, "channel": token, "ts": "1.2"}, []),
            "nothing": (ok, js, {"ok": True, token: token}, []),
        }


@pytest.mark.parametrize("shape", [*Echo("")._answers("", ""), "status line"])
def test_when_what_answers_in_slacks_place_sends_the_token_back(
    stage: Stage, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Echo(shape)) as url:
        monkeypatch.setenv("PARAPET_SLACK_URL", f"{url}/api/")
        assert stage.notify(FIXED) == [False]
        # And while it looks for what the first try has sent.
        assert stage.notify(FIXED) == [False]
        # Nor does the error itself show it, whoever may see that one day.
        with contextlib.suppress(Exception), stage.account.acting("notify"), stage.outputs.of("Slack"):
            stage.us.tell(OTHER, Ebbing().get_remaining_time_in_millis)
    assert stage.outputs.gather()["Slack: traceback"]
    assert "not told" in stage.outputs.gather()["notify: stdout"]
    assert stage.outputs.leaks() == []


class TestCrash:
    """What Lambda reports of an error goes to a topic, a queue for fourteen days, and into a message."""

    def test_out_of_a_handler(self, stage: Stage) -> None:
        stage.notify(FIXED)

        @telemetry_of("notify")
        def handler(_event: Any, _context: Any) -> None:
            raise Crash(f"{TOKEN} is wrong")

        answer = stage.outputs.run("notify", handler, {})
        assert answer["errorMessage"] == "Crash: (secret) is wrong"
        assert answer["errorType"] == "ParapetError"
        stage.fail(answer)
        assert "(secret) is wrong" in stage.outputs.gather()["outbox"]
        assert stage.outputs.leaks() == []

    def test_out_of_a_handler_with_the_token_only_in_its_cause(self, stage: Stage) -> None:
        stage.notify(FIXED)

        @telemetry_of("notify")
        def handler(_event: Any, _context: Any) -> None:
            try:
                raise Crash(TOKEN)
            except Crash as error:
                raise ParapetError("something else") from error

        assert stage.outputs.run("notify", handler, {})["errorMessage"] == "ParapetError: something else"
        assert stage.outputs.leaks() == []

    def test_without_a_secret_stays_as_it_is(self, stage: Stage) -> None:
        stage.notify(FIXED)

        @telemetry_of("notify")
        def handler(_event: Any, _context: Any) -> None:
            raise Crash("plain")

        assert stage.outputs.run("notify", handler, {})["errorType"] == "Crash"

    def test_of_another_function_that_let_a_slack_token_slip(self, stage: Stage) -> None:
        told = {
            "errorType": "Crash",
            "errorMessage": f"Bearer xoxb-{CORE}-123",
            "stackTrace": [f'f("xoxb-{CORE}-123")'],
        }
        stage.fail(told)
        stage.fail(f"xoxb-{CORE}-123")
        assert "Bearer (secret)" in stage.outputs.gather()["outbox"]
        assert stage.outputs.leaks() == []

    def test_of_a_guard_function(self, stage: Stage) -> None:
        stage.notify(FIXED)
        event = SCENARIO.breach(stage.account, SCENARIO.build(stage.account))
        stage.account.wire.fail(lambda _, made: "deny" if made.operation == "RevokeSecurityGroupIngress" else None)
        stage.fail(stage.outputs.run("guard_ec2", guard_module.guard_ec2, event))
        stage.fail(stage.outputs.run("guard_ec2", guard_module.guard_ec2, TICK))
        gathered = stage.outputs.gather()
        assert "AccessDenied" in gathered["guard_ec2: traceback"]
        assert "_aws" in gathered["guard_ec2: stdout"]
        assert stage.outputs.leaks() == []


def telemetry_of(service: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler of ours that does one thing."""

    def around(handler: Callable[..., Any]) -> Callable[..., Any]:
        def run(event: Any, context: Any) -> Any:
            with telemetry.invocation(service, context):
                return handler(event, context)

        return run

    return around


class Leaky(Kept):
    """What a careless place would be: it names itself by its secret."""

    @property
    def where(self) -> str:
        return f"the parameter with {CORE}-unregistered in it"


class TestTheGrep:
    """It can fail: whatever way a canary gets out, it is found."""

    def test_finds_what_a_leaky_fake_tells(self, stage: Stage) -> None:
        stage.us._api._token = Leaky(stage.account.client, PARAMETER, "a token")
        stage.slack.tokens.clear()
        assert stage.notify(FIXED) == [False]
        assert stage.outputs.leaks() == ["notify: stdout"]

    @pytest.mark.parametrize(
        ("how", "where"),
        [
            (lambda: sys.stdout.write(f"{CORE}-1"), "x: stdout"),
            (lambda: sys.stderr.write(quote(TOKEN, safe="")), "x: stderr"),
            (lambda: logging.getLogger("botocore.parsers").debug("Response body: %s", TOKEN), "x: log"),
            (lambda: logging.getLogger("some.library").error(base64.b64encode(TOKEN.encode()).decode()), "x: log"),
            (lambda: telemetry.Invocation("x", "r").line("INFO", f"{CORE}-1"), "x: stdout"),
        ],
    )
    def test_finds_what_is_written(self, stage: Stage, how: Callable[[], object], where: str) -> None:
        with stage.outputs.of("x"):
            how()
        assert stage.outputs.leaks() == [where]

    def test_finds_what_is_raised(self, stage: Stage) -> None:
        with contextlib.suppress(Crash), stage.outputs.of("x"):
            try:
                raise Crash(TOKEN)
            except Crash as error:
                raise Crash("something else") from error
        assert stage.outputs.leaks() == ["x: traceback"]

    def test_finds_what_is_kept_or_sent(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        leaky = notice(key="leak", thread="leak", title=f"Fixed: {CORE}")
        Outbox(stage.account.ours, {"slack": stage.account.queue}, None).send(leaky)
        assert stage.outputs.leaks() == ["outbox"]
        stage.account.notices()
        assert stage.notify(leaky) == [True]
        assert stage.outputs.leaks() == ["Slack"]
        stage.account.journal.set_pause(Pause("bob", TOKEN, 1.0))
        assert stage.outputs.leaks() == ["journal", "Slack"]
        monkeypatch.setenv("PARAPET_DEBUG", TOKEN)
        assert stage.outputs.leaks() == ["journal", "Slack", "environment"]

    def test_botocore_would_log_the_secret_were_it_not_kept_from_it(self, stage: Stage) -> None:
        with stage.outputs.of("x"):
            stage.account.client("ssm").get_parameter(Name=PARAMETER, WithDecryption=True)
        assert stage.outputs.leaks() == ["x: log"]

    def test_a_secret_that_was_never_read_is_not_known(self) -> None:
        Secret(f"{CORE}-read")
        assert redacted(f"{CORE}-unread") == f"{CORE}-unread"
