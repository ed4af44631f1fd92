"""Exemptions over HTTP: given for a scope, listed, told with what findings permit, ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.account import NOW
from tests.api.client import GUARDRAIL, Api
from tests.samples import ALICE, REGION, moment

WEEK = 7 * 86400


def given(api: Api, **body: str) -> Any:
    status, document = api.call("POST", "/v1/exemptions", body={"why": "a honeypot", "for": "7d", **body})
    assert status == 201, document
    return document["exemption"]


def test_is_given_at_once_listed_and_ended(api: Api) -> None:
    api.account.enforce()
    group = api.group()
    made = given(api, guardrail=GUARDRAIL, resource=group)
    assert made == {
        "id": made["id"], "scope": {"guardrail": GUARDRAIL, "resource": group}, "until": moment(NOW + WEEK),
        "who": "alice", "why": "a honeypot", "at": moment(NOW), "by": ALICE["arn"],
    }  # fmt: skip
    assert api.events() == []
    finding = api.breach(group)
    assert finding.status == "exempted"
    [listed] = api.get("/v1/exemptions")["exemptions"]
    assert listed == {
        "kind": "waiver", "id": made["id"], "what": f"guardrail={GUARDRAIL} resource={group}", "scope": made["scope"],
        "since": moment(NOW), "until": moment(NOW + WEEK), "who": "alice", "why": "a honeypot", "covers": 1,
    }  # fmt: skip
    assert api.get(f"/v1/commands/{made['id']}")["status"] == "done"
    assert api.call("DELETE", f"/v1/exemptions/{made['id']}", {"why": "over"}) == (200, {"ended": made})
    assert api.events() == [("Parapet Look Again", {"service": "ec2", "finding": finding.id})]
    assert api.get("/v1/exemptions") == {"exemptions": []}
    api.account.clock.forward(1)
    api.account.pipeline("ec2").look_again(finding.id, "r")
    assert [one.status for one in api.account.findings()] == ["exempted", "fixed"]


def test_what_one_finding_permits_is_listed_too_soonest_end_first(api: Api) -> None:
    api.account.mode(GUARDRAIL, event="approve")
    given(api, resource="sg-1")
    finding = api.breach()
    api.account.obey(api.account.ask("exempt", finding, seconds=86400))
    found = api.get("/v1/exemptions")["exemptions"]
    assert found[0] | {"since": "", "until": ""} == {
        "kind": "exempted", "id": finding.id, "what": finding.why, "since": "", "until": "", "who": "bob",
        "why": "a reason", "covers": 1,
        "scope": {
            "guardrail": GUARDRAIL, "account": "123456789012", "region": REGION,
            "resource": finding.violation.resource, "part": finding.violation.part,
        },
    }  # fmt: skip
    assert [one["kind"] for one in found] == ["exempted", "waiver"]
    assert [one["id"] for one in api.get("/v1/exemptions", ending="2d")["exemptions"]] == [finding.id]
    api.account.clock.forward(8 * 86400)
    assert api.get("/v1/exemptions") == {"exemptions": []}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"for": "1d", "resource": "sg-1"}, "why is missing"),
        ({"why": "x", "resource": "sg-1"}, "for is missing (30d), or until (2026-12-31)"),
        ({"why": "x", "until": "2026-11-17", "resource": "sg-1"}, "until: 2026-11-17 is in the past"),
        ({"why": "x", "for": "1d"}, "an exemption of all would switch Parapet off there: name a guardrail, resource"),
        ({"why": "x", "for": "1d", "region": REGION}, f"an exemption of region={REGION} would switch Parapet off"),
        ({"why": "x", "for": "1d", "resource": "*"}, "resource: '*' may be anything"),
        ({"why": "x", "for": "1d", "tag": "env=dev"}, "exemptions by tag are off, since whoever opens the door"),
        ({"why": "x", "for": "1d", "guardrail": "ec2_image_open"}, "guardrail: there is no 'ec2_image_open'; did you"),
        ({"why": "x", "for": "1d", "principal": "alice"}, "principal: 'alice' will not do"),
        ({"why": "x", "for": "1d", "account": "42", "resource": "sg-1"}, "account: '42' is not an account's number"),
        ({"why": "x", "for": "1d", "resorce": "sg-1"}, "POST /v1/exemptions knows no field 'resorce'; did you mean "),
    ],
)  # fmt: skip
def test_says_what_cannot_be(api: Api, body: Any, text: str) -> None:
    assert api.error(400, "POST", "/v1/exemptions", body=body).startswith(text)
    assert api.get("/v1/exemptions") == {"exemptions": []}


def test_by_tag_where_the_settings_allow_it(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "parapet.toml"
    file.write_text("exemptions.by_tag = true\n", "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(file))
    assert given(api, tag="env=dev")["scope"] == {"tag": "env=dev"}


def test_ending_what_is_not_there(api: Api) -> None:
    text = api.error(404, "DELETE", "/v1/exemptions/0123456789abcdef")
    assert text.startswith("there is no waiver '0123456789abcdef': GET /v1/exemptions lists them")
    assert "approve" in text
