"""Asking over HTTP for an undo or a permission: recorded and put on the bus, carried out by somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from chalicelib.model import Finding
from chalicelib.settings import Control
from tests.account import NOW, TABLE
from tests.api.client import GUARDRAIL, Api
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, ALICE, moment
from tests.wire import Made


def obey(api: Api, document: Any) -> Any:
    """Have the guard function carry out what an answer names; returns the command as the API shows it then."""
    command = api.account.journal.command(document["id"])
    assert command is not None
    api.account.obey(command)
    return api.get(f"/v1/commands/{command.id}")


class TestUndo:
    def test_is_recorded_and_put_on_the_bus_and_done_by_the_function_that_owns_the_service(self, api: Api) -> None:
        group = api.group()
        finding = api.breach(group)
        innocent = SCENARIO.state(api.account, group)
        api.account.wire.reset()
        status, asked = api.call("POST", f"/v1/findings/{finding.id}/undo", body={"why": "a migration", "for": "30m"})
        assert status == 202
        assert asked == {
            "id": asked["id"], "kind": "undo", "finding": finding.id, "service": "ec2", "who": "alice",
            "why": "a migration", "at": moment(NOW), "until": moment(NOW + 1800), "status": "asked", "answer": "",
            "by": ALICE["arn"], "via": "api", "expires": moment(NOW + 3600), "question": None, "break_glass": False,
            "scope": {},
            "about": "",
        }  # fmt: skip
        assert {made.name for made in api.account.wire.calls} == {
            "dynamodb:GetItem", "dynamodb:PutItem", "events:PutEvents",
        }  # fmt: skip
        assert api.events() == [("Parapet Command", {"service": "ec2", "command": asked["id"]})]
        assert SCENARIO.state(api.account, group) == innocent, "the API asks, and does not act"
        assert api.get(f"/v1/commands/{asked['id']}") == asked
        assert obey(api, asked) == {**asked, "status": "done", "answer": "undone"}
        assert SCENARIO.state(api.account, group) != innocent
        [undone] = api.account.findings()
        assert (undone.status, undone.history[-1].by, undone.history[-1].note) == ("undone", "alice", "a migration")

    def test_what_its_function_refuses_is_the_commands_answer(self, api: Api) -> None:
        group = api.group()
        finding = api.breach(group)
        SCENARIO.breach(api.account, group)
        _, asked = api.call("POST", f"/v1/findings/{finding.id}/undo")
        answered = obey(api, asked)
        assert (answered["status"], answered["answer"]) == ("refused", "it is already as it was before the fix")

    @pytest.mark.parametrize("body", [None, "", " ", "{}", {}])
    def test_lasts_as_long_as_the_settings_say(self, api: Api, body: Any) -> None:
        status, asked = api.call("POST", f"/v1/findings/{api.breach().id}/undo", body=body)
        assert (status, asked["until"], asked["why"]) == (202, moment(NOW + 30 * 86400), "")

    def test_of_what_is_undone_already(self, api: Api) -> None:
        finding = api.breach()
        api.account.undo(finding)
        api.events()
        assert api.error(409, "POST", f"/v1/findings/{finding.id}/undo", body={}) == (
            f"only what was fixed can be undone, and {finding.id} is undone by bob"
        )
        assert api.events() == []

    def test_of_what_stands(self, api: Api) -> None:
        api.account.mode(GUARDRAIL, event="approve")
        finding = api.breach()
        assert api.error(409, "POST", f"/v1/findings/{finding.id}/undo", body={}) == (
            f"only what was fixed can be undone, and {finding.id} is asked"
        )

    def test_of_an_older_finding_names_the_newer(self, api: Api) -> None:
        group = api.group()
        old = api.breach(group)
        api.account.clock.forward(60)
        new = api.breach(group)
        assert api.error(409, "POST", f"/v1/findings/{old.id}/undo", body={}) == (
            f"{old.id} is not the latest finding of this violation: {new.id}"
        )

    @pytest.mark.parametrize("what", ["undo", "exempt"])
    def test_of_nothing(self, api: Api, what: str) -> None:
        body = {"why": "x", "for": "1d"}
        assert api.error(404, "POST", f"/v1/findings/0a1b2c3d/{what}", body=body).startswith("there is no finding")

    @pytest.mark.parametrize(
        ("arn", "who"),
        [
            (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alice@example.com", "alice@example.com as Admin"),
            (f"arn:aws:iam::{ACCOUNT}:root", "root"),
        ],
    )
    def test_who_asks_is_written_as_findings_write_it(self, api: Api, arn: str, who: str) -> None:
        _, asked = api.call("POST", f"/v1/findings/{api.breach().id}/undo", body={}, arn=arn)
        assert asked["who"] == who

    def test_nobody_can_ask_as_somebody_else(self, api: Api) -> None:
        path = f"/v1/findings/{api.breach().id}/undo"
        assert api.error(400, "POST", path, body={"who": "root"}) == (
            "POST /v1/findings/{finding}/undo knows no field 'who'; did you mean 'why'?"
        )
        assert "query parameter 'who'" in api.error(400, "POST", path, {"who": "root"}, {})


class TestExempt:
    def test_permits_what_stands(self, api: Api) -> None:
        api.account.mode(GUARDRAIL, event="approve")
        finding = api.breach()
        status, asked = api.call("POST", f"/v1/findings/{finding.id}/exempt", body={"why": "a honeypot", "for": "7d"})
        assert (status, asked["kind"], asked["until"]) == (202, "exempt", moment(NOW + 7 * 86400))
        assert obey(api, asked)["status"] == "done"
        permission = api.get(f"/v1/findings/{finding.id}")["permission"]
        assert (permission["who"], permission["why"]) == ("alice", "a honeypot")

    def test_of_what_is_fixed(self, api: Api) -> None:
        finding = api.breach()
        body = {"why": "x", "for": "1d"}
        assert api.error(409, "POST", f"/v1/findings/{finding.id}/exempt", body=body) == (
            f"there is nothing standing to permit: {finding.id} is fixed"
        )

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"for": "1d"}, "why is missing"),
            ({"why": "x"}, "for is missing (30d), or until (2026-12-31)"),
            ({"why": "x", "for": "1d", "until": "2026-12-31"}, "for and until are both given: one of them will do"),
            ({"why": "x", "until": "2026-11-17"}, "until: 2026-11-17 is in the past"),
            ({"why": "x", "for": "1d", "break_glass": "yes"}, "break_glass: 'yes' is not one; there are: false, true"),
            ({"why": " ", "for": "1d"}, "why must be a text that is not empty"),
            ({"why": 5, "for": "1d"}, "why must be a text that is not empty"),
            ({"why": "x", "for": "soon"}, "for: 'soon' is not a duration such as 30m, 2h or 7d"),
            ({"why": "x", "for": "0d"}, "for: '0d' is not a duration such as 30m, 2h or 7d"),
            ({"why": "x", "for": "-1d"}, "for: '-1d' is not a duration such as 30m, 2h or 7d"),
            ({"why": "x", "for": 30}, "for must be a text that is not empty"),
            ({"why": "x", "for": "99999999999d"}, "for: 99999999999d is too far ahead"),
            ({"why": "x" * 2001, "for": "1d"}, "why is too long: 2001 bytes, and 2000 are read"),
            ({"why": "\ud800", "for": "1d"}, "why holds half a character, which is not text"),
            ({"why": "x", "till": "1d"}, "POST /v1/findings/{finding}/exempt knows no field 'till'; did you mean "),
            ("[]", 'the body must be a JSON object such as {"why": "the vendor connects today"}'),
            ("null", 'the body must be a JSON object such as {"why": "the vendor connects today"}'),
            ("why=x", "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
            ("[" * 100_000, "the body is not JSON: maximum recursion depth exceeded"),
        ],
    )  # fmt: skip
    def test_says_what_it_does_not_understand(self, api: Api, body: Any, text: str) -> None:
        assert api.error(400, "POST", "/v1/findings/0a1b2c3d/exempt", body=body).startswith(text)
        assert api.events() == []

    def test_takes_json_only(self, api: Api) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert api.error(415, "POST", "/v1/findings/0a1b2c3d/exempt", body="why=x", headers=form) == (
            "the body must be JSON: send it with the header Content-Type: application/json"
        )


class TestAnswers:
    """What people answer when Parapet asks."""

    @pytest.fixture
    def finding(self, api: Api) -> Finding:
        api.account.mode(GUARDRAIL, event="approve")
        return api.breach()

    def test_approving_has_the_fix_made(self, api: Api, finding: Finding) -> None:
        status, asked = api.call("POST", f"/v1/findings/{finding.id}/approve", body={"why": "tested"})
        assert (status, asked["kind"], asked["question"], asked["until"]) == (202, "approve", 1, None)
        assert obey(api, asked)["answer"] == "fixed"
        assert api.get(f"/v1/findings/{finding.id}")["status"] == "fixed"

    def test_rejecting_needs_a_reason_and_settles_it(self, api: Api, finding: Finding) -> None:
        path = f"/v1/findings/{finding.id}/reject"
        assert api.error(400, "POST", path, body={}) == "why is missing"
        _, asked = api.call("POST", path, body={"why": "it has to be"})
        assert obey(api, asked)["answer"] == "rejected"
        assert api.error(409, "POST", path, body={"why": "again"}).startswith("there is no question to reject")

    def test_acknowledging_shows_who_has_seen_it(self, api: Api, finding: Finding) -> None:
        _, asked = api.call("POST", f"/v1/findings/{finding.id}/acknowledge")
        assert obey(api, asked)["answer"] == "acknowledged"
        shown = api.get(f"/v1/findings/{finding.id}")
        assert (shown["status"], shown["acknowledged"]) == ("asked", "alice")
        assert "acknowledged" in api.error(409, "POST", f"/v1/findings/{finding.id}/acknowledge")

    def test_the_question_of_an_older_message_is_declined(self, api: Api, finding: Finding) -> None:
        text = api.error(409, "POST", f"/v1/findings/{finding.id}/approve", body={"question": "2"})
        assert text == f"{finding.id} was asked about anew since: decide on the latest message"
        assert api.error(400, "POST", f"/v1/findings/{finding.id}/approve", body={"question": "0"}).startswith("quest")


class TestOwnChange:
    @pytest.fixture
    def finding(self, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Finding:
        file = tmp_path / "parapet.toml"
        file.write_text("commands.four_eyes = true\n", "utf-8")
        monkeypatch.setenv("PARAPET_SETTINGS", str(file))
        api.account.set(control=Control(four_eyes=True))
        return api.breach()

    def test_is_for_somebody_else_to_decide(self, api: Api, finding: Finding) -> None:
        text = api.error(409, "POST", f"/v1/findings/{finding.id}/undo", body={"why": "x"})
        assert text == (
            f"somebody else must decide about {finding.id} (commands.four_eyes): it is their own change; "
            '"break_glass": "true" and a "why" insist on it, which is recorded and told loudly'
        )
        assert api.events() == []

    def test_breaking_the_glass_needs_a_reason_and_is_recorded(self, api: Api, finding: Finding) -> None:
        path = f"/v1/findings/{finding.id}/undo"
        assert api.error(400, "POST", path, body={"break_glass": "true"}) == "who breaks the glass must say why"
        status, asked = api.call("POST", path, body={"break_glass": "true", "why": "the site is down"})
        assert (status, asked["break_glass"]) == (202, True)
        api.account.notices()
        assert obey(api, asked)["answer"] == "undone"
        assert [one.severity for one in api.account.notices()] == ["critical"]


class TestAskedTwice:
    KEY: ClassVar = {"Idempotency-Key": "deploy-4711"}

    def test_is_asked_once(self, api: Api) -> None:
        path = f"/v1/findings/{api.breach().id}/undo"
        first = api.call("POST", path, body={"for": "30m"}, headers=self.KEY)
        api.account.clock.forward(5)
        assert api.call("POST", path, body={"for": "30m"}, headers=self.KEY) == first
        # Nobody has carried it out: the event may have been lost.
        assert [detail["command"] for _, detail in api.events()] == [first[1]["id"]] * 2
        done = obey(api, first[1])
        assert api.call("POST", path, body={"for": "30m"}, headers=self.KEY) == (202, done)
        assert api.events() == []
        assert api.call("POST", path, body={"for": "30m"})[0] == 409

    def test_the_field_is_as_good_as_the_header(self, api: Api) -> None:
        path = f"/v1/findings/{api.breach().id}/undo"
        _, first = api.call("POST", path, body={}, headers=self.KEY)
        assert api.call("POST", path, body={"idempotency_key": "deploy-4711"})[1] == first
        text = api.error(400, "POST", path, body={"idempotency_key": "other"}, headers=self.KEY)
        assert text == "the header Idempotency-Key and the field idempotency_key differ: give one of them"

    def test_of_something_else_is_declined(self, api: Api) -> None:
        api.call("POST", f"/v1/findings/{api.breach().id}/undo", body={}, headers=self.KEY)
        text = "this idempotency key was used for another request: choose a new one"
        assert api.error(409, "POST", f"/v1/findings/{api.breach().id}/undo", body={}, headers=self.KEY) == text
        assert api.error(409, "POST", "/v1/pause", body={"why": "x"}, headers=self.KEY) == text
        assert api.get("/v1/pause")["pauses"] == []

    def test_by_somebody_else_is_another_request(self, api: Api) -> None:
        bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
        path = f"/v1/findings/{api.breach().id}/undo"
        _, first = api.call("POST", path, body={}, headers=self.KEY)
        assert api.call("POST", path, body={}, headers=self.KEY, arn=bob)[1]["id"] != first["id"]

    def test_a_pause_is_not_set_anew(self, api: Api) -> None:
        body = {"why": "a deployment", "for": "30m"}
        first = api.call("POST", "/v1/pause", body=body, headers=self.KEY)
        api.account.clock.forward(60)
        assert api.call("POST", "/v1/pause", body=body, headers=self.KEY) == first
        assert api.get("/v1/pause")["paused"] == first[1]["paused"]
        api.call("DELETE", "/v1/pause")
        api.call("POST", "/v1/pause", body=body, headers=self.KEY)
        assert api.get("/v1/pause")["paused"] is None, "a late repeat must not pause again"

    def test_an_exemption_is_given_once(self, api: Api) -> None:
        body = {"why": "a honeypot", "for": "7d", "resource": "sg-1"}
        first = api.call("POST", "/v1/exemptions", body=body, headers=self.KEY)
        api.account.clock.forward(60)
        assert api.call("POST", "/v1/exemptions", body=body, headers=self.KEY) == first
        assert len(api.get("/v1/exemptions")["exemptions"]) == 1

    @pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ü"])
    def test_keys_are_plain(self, api: Api, key: str) -> None:
        text = api.error(400, "POST", "/v1/pause", body={"why": "x"}, headers={"Idempotency-Key": key})
        assert text.startswith("an idempotency key has 1 to 255")


class TestWhenAwsDoesNotAnswer:
    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            ("deny", "AWS denies dynamodb:PutItem to the API's role: not authorized"),
            ("throttle", "dynamodb:PutItem does not answer at the moment (ThrottlingException): ask again in a moment"),
            ("timeout before", "dynamodb:PutItem does not answer at the moment (ReadTimeout): ask again in a moment"),
        ],
    )  # fmt: skip
    def test_says_so(self, api: Api, fault: Any, text: str) -> None:
        finding = api.breach()
        api.account.wire.fail(lambda _number, made: fault if made.operation == "PutItem" else None)
        assert api.error(503, "POST", f"/v1/findings/{finding.id}/undo", body={}) == text
        assert api.events() == []

    def test_a_bus_that_denies_is_named(self, api: Api) -> None:
        finding = api.breach()
        api.account.wire.fail(lambda _number, made: "deny" if made.operation == "PutEvents" else None)
        text = api.error(503, "POST", f"/v1/findings/{finding.id}/undo", body={})
        assert text == "AWS denies events:PutEvents to the API's role: not authorized"

    def test_a_table_that_is_not_there_is_named(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        api.account.client("dynamodb").delete_table(TableName=TABLE)
        text = f"the journal's table {TABLE} does not exist in eu-west-1: is Parapet deployed there?"
        assert api.error(503, "GET", "/v1/findings") == text
        monkeypatch.setenv("PARAPET_TABLE", "somebody-elses")
        assert api.error(503, "GET", "/v1/findings").startswith("AWS denies dynamodb:Query to the API's role: ")


class TestCommand:
    @pytest.mark.parametrize("given", ["0123456789abcdef", "0123", "x" * 16, "0a1b2c3d"])
    def test_that_is_not_there(self, api: Api, given: str) -> None:
        assert api.error(404, "GET", f"/v1/commands/{given}") == (
            f"there is no command {given!r}: its id is in the answer to whoever asked for it"
        )


class TestDefect:
    def test_is_told_without_its_insides(self, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
        def broken(_number: int, _made: Made) -> None:
            raise RuntimeError("insides")

        api.account.wire.fail(broken)
        text = api.error(500, "GET", "/v1/findings")
        assert text.startswith("this is a defect of Parapet's; the function's log tells more under 0000")
        assert "RuntimeError: insides" in capsys.readouterr().out
