"""What is not Slack's is turned away and counted; and whatever Slack's calls hold, nothing of ours breaks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from chalice.deploy.swagger import CFNSwaggerGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import app
from chalicelib.api import declared, problems, slack_payload
from chalicelib.api import slack as receiving
from chalicelib.api.slack_payload import Malformed
from chalicelib.model import Finding
from tests.account import NOW
from tests.api.client import Context, event
from tests.api.slacking import ACTIONS, ALICE, COMMAND, FORM, SECRET, SIGNING, Slacking, signature
from tests.api.test_slack_actions import now

PATHS = (ACTIONS, COMMAND)
NOT_SLACKS = (
    401,
    dict(problems.problem(401, "this is not a call of Slack's", "00000000-0000-4000-8000-000000000001")),
)
HELP = urlencode({"user_id": ALICE.id, "user_name": "alice", "trigger_id": "1.2.3", "text": "help"}).encode()
letters = st.text(st.characters(codec=None), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | letters
    | st.sampled_from(["block_actions", "undo", "U1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=6,
)
hostile = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def finding(room: Slacking) -> Finding:
    return room.api.breach()


def counted(text: str, metric: str) -> float:
    lines = [json.loads(line) for line in text.splitlines()]
    return sum(float(line.get(metric, 0.0)) for line in lines if line["message"] == "done")


def untouched(room: Slacking, finding: Finding) -> None:
    assert room.commands() == []
    assert room.api.events() == []
    assert now(room, finding) == finding
    assert room.slack.calls == []


NO_PRESSES: list[dict[str, Any]] = [
    {"user": None}, {"user": {"id": 7}}, {"user": {"id": "alice"}}, {"actions": None}, {"actions": []},
    {"actions": [{}, {}]}, {"actions": [7]}, {"container": None}, {"trigger_id": None},
    {"message": {"blocks": [{}]}},
    {"actions": [{"action_id": "undo", "value": 7, "action_ts": "1.2"}]},
    {"actions": [{"action_id": "undo", "value": "x"}]}, {"type": 7}, {"type": ""},
]  # fmt: skip


OTHERS = ["shortcut", "message_action", "view_closed", "block_suggestion", "new"]


class TestNotSlacks:
    def cases(self, room: Slacking, finding: Finding) -> dict[str, dict[str, Any]]:
        payload = room.pressed(ALICE, room.root(finding), "undo")
        body = urlencode({"payload": json.dumps(payload)}).encode()
        right = signature(SECRET, NOW, body)
        return {
            "unsigned": {"body": body, "signed": {}},
            "forged": {"body": body, "signed": signature("f" * 32, NOW, body)},
            "late": {"body": body, "at": NOW - 301},
            "early": {"body": body, "at": NOW + 302},
            "altered": {"body": body + b"&x=1", "signed": right},
            "of another time": {"body": body, "signed": right | {"X-Slack-Request-Timestamp": str(int(NOW) - 1)}},
            "of another version": {
                "body": body, "signed": right | {"X-Slack-Signature": right["X-Slack-Signature"].replace("v0", "v1")},
            },
            "signed over what was decoded": {
                "body": body, "signed": signature(SECRET, NOW, json.dumps(payload).encode()),
            },
            "empty": {"body": b""},
            "no form": {"body": b"\x00\xff\xfe".decode("latin-1").encode()},
            "no payload": {"body": b"other=1"},
            "no json": {"body": b"payload=hello"},
            "no object": {"body": b"payload=[]"},
            "too deep": {"body": b"payload=" + b"[" * 100_000},
            "two payloads": {"body": body + b"&payload=1"},
            "no type": {"body": b"payload={}"},
            "many fields": {"body": b"&".join(b"a%d=1" % number for number in range(100))},
        }  # fmt: skip

    def test_is_turned_away_and_counted_and_does_nothing(
        self, room: Slacking, finding: Finding, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for name, case in self.cases(room, finding).items():
            capfd.readouterr()
            for encoded in (False, True):
                assert room.send(ACTIONS, **{**case, "encoded": encoded}) == NOT_SLACKS, name
            said = capfd.readouterr().out
            assert counted(said, "Forgeries") == 2, name
            assert said.count("\"not a call of Slack's: ") == 2, name
            assert "payload" not in said.replace("its payload", "")
            assert '"address":"198.51.100.7"' in said
        untouched(room, finding)

    def test_a_press_that_slack_does_not_make(self, room: Slacking, finding: Finding) -> None:
        payload = room.pressed(ALICE, room.root(finding), "undo")
        for change in NO_PRESSES:
            assert room.tell(payload | change) == NOT_SLACKS, change
        untouched(room, finding)

    def test_what_nobody_asked_for_is_taken_and_left(self, room: Slacking, finding: Finding) -> None:
        payload = room.pressed(ALICE, room.root(finding), "undo")
        for kind in OTHERS:
            assert room.tell(payload | {"type": kind}) == (200, None), kind
        untouched(room, finding)

    def test_a_command_that_slack_does_not_make(self, room: Slacking, finding: Finding) -> None:
        for field in ("user_id", "trigger_id"):
            form = room.form(ALICE, f"undo {finding.id}")
            for change in ({**form, field: ""}, {name: value for name, value in form.items() if name != field}):
                assert room.send(COMMAND, urlencode(change).encode()) == NOT_SLACKS
        untouched(room, finding)

    def test_a_body_that_is_not_base64(self, room: Slacking) -> None:
        raw = event("POST", ACTIONS, body="!", at=NOW, arn=None, headers={"Content-Type": FORM})
        answer = room.account.running("api_handler", app)(raw | {"isBase64Encoded": True}, Context())
        assert answer["statusCode"] == 401

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("kind", ["application/json", "text/plain", "image/png", "x", ""])
    def test_another_type_of_body(
        self, room: Slacking, finding: Finding, kind: str, path: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        capfd.readouterr()
        unsigned: dict[str, str] = {}
        for signed in (None, unsigned):
            assert room.send(path, HELP, {"Content-Type": kind}, signed=signed) == NOT_SLACKS
        assert counted(capfd.readouterr().out, "Forgeries") == 2
        untouched(room, finding)

    def test_a_body_of_no_type(self, room: Slacking, capfd: pytest.CaptureFixture[str]) -> None:
        raw = event("POST", COMMAND, body=HELP.decode(), at=NOW, arn=None, headers=signature(SECRET, NOW, HELP))
        for headers in ("headers", "multiValueHeaders"):
            del raw[headers]["Content-Type"]
        assert room.account.running("api_handler", app)(raw, Context())["statusCode"] == 401
        assert counted(capfd.readouterr().out, "Forgeries") == 1

    def test_a_signature_of_aws_does_not_help(self, room: Slacking) -> None:
        raw = event("POST", COMMAND, body=HELP.decode(), at=NOW, headers={"Content-Type": FORM})
        assert room.account.running("api_handler", app)(raw, Context())["statusCode"] == 401


class TestASecret:
    def test_that_was_rotated_is_read_anew(self, room: Slacking) -> None:
        assert room.send(COMMAND, HELP)[0] == 200
        room.account.client("ssm").put_parameter(
            Name=SIGNING, Value="f" * 32, Type="SecureString", Overwrite=True
        )  # fmt: skip
        assert room.send(COMMAND, HELP, signed=signature("f" * 32, NOW, HELP))[0] == 200
        assert room.send(COMMAND, HELP)[0] == 401

    def test_is_not_read_at_everybodys_whim(self, room: Slacking, monkeypatch: pytest.MonkeyPatch) -> None:
        ticks = [0.0]
        monkeypatch.setattr(receiving.line(), "_clock", lambda: ticks[0])

        def reads() -> int:
            return sum(made.name == "ssm:GetParameter" for made in room.account.wire.calls)

        room.send(COMMAND, HELP)
        before = reads()
        for _ in range(20):
            assert room.send(COMMAND, HELP, signed=signature("f" * 32, NOW, HELP))[0] == 401
        assert reads() - before == 1
        for _ in range(20):
            assert room.send(COMMAND, HELP, signed={})[0] == 401
        assert reads() - before == 1
        for ticks[0], read in ((59.0, 1), (60.0, 2), (61.0, 2)):
            room.send(COMMAND, HELP, signed=signature("f" * 32, NOW, HELP))
            assert reads() - before == read

    def test_that_is_not_there_is_named_in_the_log_alone(
        self, room: Slacking, capfd: pytest.CaptureFixture[str]
    ) -> None:
        room.account.client("ssm").delete_parameter(Name=SIGNING)
        status, document = room.send(COMMAND, HELP)
        assert (status, SIGNING in str(document)) == (503, False)
        assert f"Slack's signing secret cannot be read from SSM parameter {SIGNING}" in capfd.readouterr().out

    @pytest.mark.parametrize("name", ["PARAPET_SLACK_SIGNING_SECRET", "PARAPET_SLACK_TOKEN"])
    def test_that_nothing_names(
        self, room: Slacking, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(name, "")
        receiving.line.cache_clear()
        assert room.send(COMMAND, HELP)[0] == 503
        assert f"{name}" in capfd.readouterr().out

    def test_is_never_shown(self, room: Slacking, finding: Finding, capfd: pytest.CaptureFixture[str]) -> None:
        ts = room.press(ALICE, finding, "undo")
        room.press(ALICE, finding, "undo")
        room.send(COMMAND, HELP, signed=signature("f" * 32, NOW, HELP))
        said = capfd.readouterr().out
        assert SECRET not in said
        assert "/hooks/" not in said, "whoever has such an address can speak there"
        assert ts


class TestWhatSlackSends:
    def test_may_come_in_base64_with_names_in_any_case(self, room: Slacking) -> None:
        signed = {name.lower(): value for name, value in signature(SECRET, NOW, HELP).items()}
        assert room.send(COMMAND, HELP, signed=signed, encoded=True)[0] == 200

    def test_may_be_a_megabyte(self, room: Slacking, finding: Finding) -> None:
        payload = room.pressed(ALICE, room.root(finding), "undo", state={"values": "x" * 1_000_000})
        assert room.tell(payload) == (200, None)
        assert len(room.commands()) == 1

    def test_may_hold_any_name(self, room: Slacking, finding: Finding) -> None:
        name = "<!channel> *bold* \u202e\ud800 ünï 🙂" * 5
        payload = room.pressed(ALICE, ts := room.root(finding), "undo")
        payload["user"] |= {"username": name, "name": name}
        assert room.tell(payload) == (200, None)
        [command] = room.commands()
        assert command["who"]["S"].endswith(" in Slack")
        assert len(command["who"]["S"]) < 80
        assert "<!channel>" not in json.dumps(room.message(ts))
        assert room.obey() == ["undone"]

    def test_may_show_a_message_in_any_state(self, room: Slacking, finding: Finding) -> None:
        for message in (None, {"ts": "1.2"}, {"ts": "1.2", "text": 7, "blocks": "x"}, {"ts": "1.2", "blocks": [7]}):
            payload = room.pressed(ALICE, room.root(finding), "undo", message=message)
            assert room.tell(payload) == (200, None)
        assert len(room.commands()) == 4

    @hostile
    @given(st.dictionaries(st.sampled_from(["type", "user", "actions", "container", "view", "team"]), values), values)
    def test_is_understood_or_turned_away(self, found: dict[str, Any], other: Any) -> None:
        shaped = {
            "type": "view_submission", "user": {"id": "U0ALICE000", "name": other}, "team": other,
            "view": {"id": "V1", "callback_id": "exempt", "private_metadata": json.dumps(other),
                     "state": {"values": {"why": {"why": other}}}},
        }  # fmt: skip
        pressed = {
            "type": "block_actions", "user": {"id": "U0ALICE000"}, "trigger_id": "1", "message": other,
            "channel": other, "actions": [{"action_id": "undo", "action_ts": "1", "value": "x"}],
            "container": {"message_ts": other},
        }  # fmt: skip
        for payload in (found, shaped | found, pressed | found, other):
            try:
                slack_payload.interaction(urlencode({"payload": json.dumps(payload)}).encode())
            except Malformed as error:
                assert str(error)

    @hostile
    @given(st.binary(max_size=60), st.dictionaries(st.sampled_from(["user_id", "text", "trigger_id"]), letters))
    def test_is_a_form_or_turned_away(self, raw: bytes, form: dict[str, str]) -> None:
        for body in (raw, urlencode(form, errors="surrogatepass").encode()):
            try:
                told = slack_payload.typed(body)
            except Malformed:
                continue
            assert told.user.id == form["user_id"]


class TestRoutes:
    def test_these_two_and_the_page_alone_ask_for_neither_token_nor_signature(self) -> None:
        swagger = CFNSwaggerGenerator().generate_swagger(app)
        opened = {
            path
            for path, methods in swagger["paths"].items()
            for name, method in methods.items()
            if "security" not in method and name != "options"
        }
        assert opened == {*PATHS, *(one.path for one in declared.ROUTES if one.door == "open")}

    @pytest.mark.parametrize("path", PATHS)
    def test_they_are_called_with_post_alone(self, path: str) -> None:
        assert list(app.routes[path]) == ["POST"]
