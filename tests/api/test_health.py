"""Health, guardrails and the pause switch over HTTP."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import chalicelib
from chalicelib import registry
from tests.account import NOW, TABLE
from tests.api.client import GUARDRAIL, Api
from tests.samples import ACCOUNT, REGION, moment

ROOT = Path(__file__).parent.parent.parent


def settings(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    file = folder / "parapet.toml"
    file.write_text(text, "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(file))


class TestHealth:
    def test_tells_which_parapet_this_is(self, api: Api) -> None:
        health = api.get("/v1/health")
        rails = registry.load()
        assert health == {
            "status": "ok",
            "reasons": [],
            "version": chalicelib.__version__,
            "stage": "test",
            "region": REGION,
            "account": ACCOUNT,
            "table": TABLE,
            "paused": None,
            "pauses": [],
            "modes": {
                origin: {
                    # What alarms wake is off as long as nobody binds it to one.
                    mode: sum(1 for rail in rails if mode == ("off" if rail.alarmed else rail.default[origin]))
                    for mode in ("off", "observe", "approve", "enforce")
                }
                for origin in ("event", "sweep")
            },
            "observed": [],
        }

    def test_the_version_is_the_projects(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        assert chalicelib.__version__ == project["version"]

    def test_tells_what_an_upgrade_brought_and_nobody_has_promoted(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = api.get("/v1/health")["modes"]["event"]
        monkeypatch.setenv("PARAPET_OBSERVED", GUARDRAIL)
        health = api.get("/v1/health")
        assert health["observed"] == [GUARDRAIL]
        modes = health["modes"]["event"]
        assert (modes["enforce"], modes["observe"]) == (before["enforce"] - 1, before["observe"] + 1)

    def test_tells_the_pause_until_it_is_over(self, api: Api) -> None:
        _, paused = api.call("POST", "/v1/pause", body={"why": "a deployment", "for": "30m"})
        assert api.get("/v1/health")["paused"] == paused["paused"]
        api.account.clock.forward(1801)
        assert api.get("/v1/health")["paused"] is None

    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            ("deny", "AWS denies dynamodb:GetItem to the API's role: not authorized"),
            ("throttle", "dynamodb:GetItem does not answer at the moment (ThrottlingException): ask again in a moment"),
        ],
    )  # fmt: skip
    def test_is_degraded_when_the_journal_cannot_be_read(self, api: Api, fault: str, text: str) -> None:
        api.account.wire.fail(lambda _number, _made: fault)  # type: ignore[arg-type,return-value]
        status, health = api.call("GET", "/v1/health")
        assert (status, health["status"], health["reasons"]) == (503, "degraded", [text])
        assert "paused" not in health, "nobody knows"
        assert health["modes"]["event"]["enforce"] > 0

    def test_is_degraded_when_the_settings_cannot_be_used(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        settings(monkeypatch, tmp_path, "[guardrails.ec2_securty_group_open]\nmode = 'observe'\n")
        status, health = api.call("GET", "/v1/health")
        assert (status, health["status"], health["paused"]) == (503, "degraded", None)
        [reason] = health["reasons"]
        assert "did you mean 'ec2_security_group_open'" in reason
        assert "did you mean" in api.error(503, "GET", "/v1/guardrails")

    def test_is_degraded_without_a_table(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PARAPET_TABLE")
        _, health = api.call("GET", "/v1/health")
        assert health["reasons"] == ["PARAPET_TABLE is not set: it names the journal's table"]


def test_guardrails_have_the_modes_in_force(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings(monkeypatch, tmp_path, f"[guardrails.{GUARDRAIL}]\nmode = 'observe'\n")
    listed = api.get("/v1/guardrails")["guardrails"]
    assert [one["guardrail"] for one in listed] == list(registry.names())
    [one] = [one for one in listed if one["guardrail"] == GUARDRAIL]
    rail = registry.get(GUARDRAIL)
    assert one == {
        "guardrail": GUARDRAIL,
        "severity": "high",
        "mode": {"event": "observe", "sweep": "observe"},
        "default": dict(rail.default),
        "promise": rail.documentation.promise,
    }


class TestPause:
    def test_stops_fixing_until_it_is_lifted(self, api: Api) -> None:
        api.account.enforce()
        status, document = api.call("POST", "/v1/pause", body={"why": "a deployment"})
        switch: Any = {"who": "alice", "why": "a deployment", "at": moment(NOW), "until": None, "scope": {}}
        assert (status, document) == (200, {"paused": switch})
        assert api.get("/v1/pause") == {"paused": switch, "pauses": [switch]}
        finding = api.breach()
        assert finding.status == "held"
        lifted = {"was_paused": switch, "still_paused": [], "looks_again": [finding.id]}
        assert api.call("DELETE", "/v1/pause") == (200, lifted)
        assert api.events() == [("Parapet Look Again", {"service": "ec2", "finding": finding.id})]
        assert api.get("/v1/pause") == {"paused": None, "pauses": []}

    def test_needs_a_reason(self, api: Api) -> None:
        assert api.error(400, "POST", "/v1/pause", body={"for": "30m"}) == "why is missing"
        assert api.get("/v1/pause") == {"paused": None, "pauses": []}

    def test_lifting_what_is_not_there(self, api: Api) -> None:
        assert api.call("DELETE", "/v1/pause") == (
            200, {"was_paused": None, "still_paused": [], "looks_again": []},
        )  # fmt: skip

    def test_of_a_scope_leaves_the_rest_and_is_lifted_alone(self, api: Api) -> None:
        api.account.enforce()
        api.call("POST", "/v1/pause", body={"why": "a migration", "service": "s3"})
        api.call("POST", "/v1/pause", body={"why": "a deployment", "service": "ec2", "region": REGION, "for": "2h"})
        there = api.get("/v1/pause")
        assert (there["paused"], [one["scope"] for one in there["pauses"]]) == (
            None, [{"service": "ec2", "region": REGION}, {"service": "s3"}],
        )  # fmt: skip
        assert api.get("/v1/health")["pauses"] == there["pauses"]
        finding = api.breach()
        assert finding.status == "held"
        status, lifted = api.call("DELETE", "/v1/pause", {"service": "ec2", "region": REGION, "why": "done"})
        assert (status, lifted["was_paused"]["why"], lifted["looks_again"]) == (200, "a deployment", [finding.id])
        assert [one["scope"] for one in lifted["still_paused"]] == [{"service": "s3"}]
        assert api.breach().status == "fixed"

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"why": "x", "service": "ec22"}, "service: there is no 'ec22'; did you mean 'ec2'?"),
            ({"why": "x", "resource": "sg-1"}, "POST /v1/pause knows no field 'resource'; "),
            ({"why": "x", "until": "2026-11-17"}, "until: 2026-11-17 is in the past"),
        ],
    )
    def test_says_what_cannot_be_paused(self, api: Api, body: Any, text: str) -> None:
        assert api.error(400, "POST", "/v1/pause", body=body).startswith(text)

    def test_works_with_settings_that_cannot_be_used(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        settings(monkeypatch, tmp_path, "this is no TOML")
        assert api.call("POST", "/v1/pause", body={"why": "help"})[0] == 200
        assert api.call("DELETE", "/v1/pause")[0] == 200

    def test_set_by_hand_in_the_console(self, api: Api) -> None:
        key = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}
        api.account.client("dynamodb").put_item(TableName=TABLE, Item={**key, "pause": {"S": "stop!"}})
        assert api.get("/v1/pause")["paused"]["who"] == "somebody in the console"
