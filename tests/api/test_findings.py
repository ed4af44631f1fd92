"""Listing and showing findings over HTTP."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from chalicelib import pages
from tests.account import NOW
from tests.api.client import GUARDRAIL, Api
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ALICE

DAY = 86400.0


def ids(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [finding["id"] for finding in document["findings"]]


class TestOne:
    def test_is_everything_that_the_journal_knows(self, api: Api) -> None:
        finding = api.breach()
        group = finding.violation.resource
        api.account.clock.forward(300)
        assert api.get(f"/v1/findings/{finding.id}") == {
            "id": finding.id,
            **asdict(finding.violation),
            "status": "fixed",
            "severity": "high",
            "origin": "event",
            "why": f"{group} admits 0.0.0.0/0 to port 22",
            "opened": "2026-11-18T11:06:41Z",
            "age_seconds": 300,
            "actor": {
                "who": "alice", "arn": ALICE["arn"], "ip": "198.51.100.7", "tool": "aws-cli/2.31.0", "kind": "IAMUser",
            },
            "fixed": "2026-11-18T11:06:41Z",
            "remediation_seconds": 1.0,
            "source": None,
            "acknowledged": None,
            "question": 0,
            "event": {
                "id": finding.event_id, "call": "AuthorizeSecurityGroupIngress", "time": "2026-11-18T11:06:40Z",
            },
            "before": finding.before,
            "after": None,
            "fix": [{"service": "ec2", "operation": "revoke_security_group_ingress", "params": finding.fix[0].params}],
            "undo": [
                {"service": "ec2", "operation": "authorize_security_group_ingress", "params": finding.undo[0].params}
            ],
            "history": [
                {"status": status, "at": "2026-11-18T11:06:41Z", "by": "parapet", "note": ""}
                for status in ("fixing", "fixed")
            ],
            "look_again": None,
            "permission": None,
        }  # fmt: skip

    def test_has_the_permission_under_which_it_stands(self, api: Api) -> None:
        finding = api.breach()
        api.account.undo(finding, 1800)
        shown = api.get(f"/v1/findings/{finding.id}")
        end = "2026-11-18T11:36:41Z"
        assert shown["permission"] == {
            "part": finding.violation.part, "until": end, "who": "bob", "why": "a reason",
        }  # fmt: skip
        assert (shown["status"], shown["look_again"]) == ("undone", end)

    @pytest.mark.parametrize("given", ["0a1b2c3d", "0a1", "..", "%2e%2e", "x" * 3000, "HEAD#x", "0A1B2C3D"])
    def test_that_is_not_there(self, api: Api, given: str) -> None:
        api.plant(replace(api.breach(), id="0a1b2c3e"))
        assert api.error(404, "GET", f"/v1/findings/{given}") == (
            f"there is no finding {given!r}: GET /v1/findings lists them"
        )

    def test_takes_no_parameters(self, api: Api) -> None:
        assert api.error(400, "GET", "/v1/findings/0a1b2c3d", {"full": "1"}) == (
            "GET /v1/findings/{finding} knows no query parameter 'full'"
        )


class TestList:
    def test_is_of_the_last_day_newest_first(self, api: Api) -> None:
        first = api.breach()
        api.plant(replace(first, id="0a1b2c3d", opened=NOW - DAY - 1))
        api.account.clock.forward(60)
        second = api.breach()
        document = api.get("/v1/findings")
        assert ids(document) == [second.id, first.id]
        assert document["after"] is None
        shown = api.get(f"/v1/findings/{second.id}")
        assert document["findings"][0].items() <= shown.items(), "a list has the same keys, only fewer"

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"since": "3d"}, ["000000a1", "000000a2", "000000b1"]),
            ({"since": "2026-11-17"}, ["000000a1", "000000a2"]),
            ({"since": "2026-11-18T11:06:41Z"}, ["000000a1"]),
            ({"since": "90d"}, ["000000a1", "000000a2", "000000b1", "000000c1"]),
            ({"status": "failed"}, ["000000a2", "000000c1"]),
            ({"status": "failed", "since": "2d"}, ["000000a2"]),
            ({"status": "held"}, []),
            ({"resource": "sg-b"}, ["000000b1", "000000c1"]),
            ({"resource": "sg-b", "status": "failed"}, ["000000c1"]),
            ({"resource": "sg-b", "since": "30d"}, ["000000b1"]),
            ({"resource": "SG-B"}, []),
            ({"since": "90d", "guardrail": "kms_key_disabled"}, ["000000b1"]),
            ({"status": "fixed", "guardrail": "kms_key_disabled"}, ["000000b1"]),
            ({"since": "90d", "limit": "2"}, ["000000a1", "000000a2"]),
        ],
    )
    def test_is_of_what_is_asked_for(self, api: Api, query: dict[str, str], found: list[str]) -> None:
        like = api.breach()
        api.account.client("dynamodb").delete_item(
            TableName="parapet-test", Key={"pk": {"S": f"FINDING#{like.id}"}, "sk": {"S": "FINDING"}}
        )
        other = replace(like.violation, guardrail="kms_key_disabled", resource="sg-b")
        api.plant(
            replace(like, id="000000a1", opened=NOW),
            replace(like, id="000000a2", opened=NOW - DAY / 4, status="failed"),
            replace(like, id="000000b1", opened=NOW - 2.5 * DAY, violation=other),
            replace(like, id="000000c1", opened=NOW - 60 * DAY, status="failed",
                    violation=replace(like.violation, resource="sg-b")),
        )  # fmt: skip
        assert ids(api.get("/v1/findings", **query)) == found

    @pytest.mark.parametrize(
        ("query", "text"),
        [
            (
                {"staus": "fixed"},
                "GET /v1/findings knows no query parameter 'staus'; did you mean 'status'?",
            ),
            ({"status": "fix"}, "status: 'fix' is not one; did you mean 'fixed'?"),
            ({"status": ""}, "status must be a text that is not empty"),
            ({"status": ["fixed", "held"]}, "'status' is given 2 times: give it once"),
            (
                {"guardrail": "ec2_securty_group_open"},
                f"guardrail: 'ec2_securty_group_open' is not one; did you mean '{GUARDRAIL}'?",
            ),
            ({"since": "yesterday"}, "since: 'yesterday' is not a duration such as 30m, 2h or 7d"),
            ({"since": "2026-13-1"}, "since: '2026-13-1' is not a duration such as 30m, 2h or 7d"),
            (
                {"since": "2026-13-01"},
                "since: '2026-13-01' is not a date such as 2026-12-31, or a duration such as 30d",
            ),
            ({"since": "2027-01-01"}, "since: 2027-01-01 is in the future"),
            ({"since": "1" * 21 + "d"}, "since: a duration such as 30m, 2h or 7d is shorter"),
            ({"limit": "0"}, "limit: '0' is not a whole number from 1 to 200"),
            ({"limit": "201"}, "limit: '201' is not a whole number from 1 to 200"),
            ({"limit": "²"}, "limit: '²' is not a whole number from 1 to 200"),
            ({"resource": "ä" * 1001}, "resource is too long: 2002 bytes, and 2000 are read"),
            ({"resource": "\ud800"}, "resource holds half a character, which is not text"),
            ({"after": "0a1b2c3d"}, "after: '0a1b2c3d' is not what an answer of this route had there"),
        ],
    )  # fmt: skip
    def test_says_what_it_does_not_understand(self, api: Api, query: dict[str, str], text: str) -> None:
        assert api.error(400, "GET", "/v1/findings", query) == text


class TestPages:
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
    @pytest.mark.parametrize(
        "query",
        [
            {"since": "100d"},
            {"status": "fixed"},
            {"resource": "sg-a"},
            {"since": "100d", "guardrail": GUARDRAIL},
            {"resource": "sg-a", "status": "fixed"},
        ],
    )
    def test_together_are_everything_once(self, api: Api, query: dict[str, str], limit: int) -> None:
        like = api.breach()
        where = replace(like.violation, resource="sg-a")
        # Three at the very same time, as one event's several parts are, and others in months before.
        opened = [NOW - 30.0, NOW - 60.25, NOW - 60.25, NOW - 60.25, NOW - 40 * DAY, NOW - 99 * DAY]
        planted = [replace(like, id=f"000000a{number}", opened=at, violation=where) for number, at in enumerate(opened)]
        api.plant(*planted)
        expected = {one.id for one in planted} | ({like.id} if "resource" not in query else set())
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            document = api.get("/v1/findings", limit=str(limit), **query, **({"after": after} if after else {}))
            assert len(document["findings"]) <= limit
            found += ids(document)
            after = document["after"]
        assert sorted(found) == sorted(expected)
        times = {one.id: one.opened for one in (*planted, like)}
        assert [times[one] for one in found] == sorted((times[one] for one in found), reverse=True)

    def test_a_page_goes_on_where_one_ended_whose_last_finding_has_moved_since(self, api: Api) -> None:
        first, second = api.breach(), api.breach()
        page = api.get("/v1/findings", status="fixed", limit="1")
        [shown] = page["findings"]
        api.account.undo(first if first.id == shown["id"] else second)
        rest = api.get("/v1/findings", status="fixed", after=page["after"])
        assert {shown["id"], *ids(rest)} == {first.id, second.id}

    def test_one_request_reads_no_more_than_it_has_time_for(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        like = api.breach()
        monkeypatch.setattr(pages, "SCAN", 1)
        monkeypatch.setattr(pages, "READS", 3)
        rare = replace(like.violation, guardrail="kms_key_disabled")
        api.plant(*(replace(like, id=f"000000a{number}", opened=NOW - number) for number in range(4)))
        api.plant(replace(like, id="000000b0", opened=NOW - 9, violation=rare))
        api.account.wire.reset()
        page = api.get("/v1/findings", guardrail="kms_key_disabled")
        assert [made.name for made in api.account.wire.calls] == ["dynamodb:Query"] * 3
        assert (page["findings"], bool(page["after"])) == ([], True)
        last = api.get("/v1/findings", guardrail="kms_key_disabled", after=page["after"])
        assert ids(last) == ["000000b0"]

    @pytest.mark.parametrize("after", ["0_", "9999999999_", "1795000001.5_zzzzzzzz", "1795000001_0a1b2c3d", "1.5_"])
    def test_a_mark_that_somebody_made_up_is_only_another_place(self, api: Api, after: str) -> None:
        finding = api.breach()
        if after == "1795000001.5_zzzzzzzz":
            assert "after:" in api.error(400, "GET", "/v1/findings", {"after": after})
        else:
            assert set(ids(api.get("/v1/findings", after=after))) <= {finding.id}


def test_reading_changes_nothing(api: Api) -> None:
    group = api.group()
    finding = api.breach(group)
    before = SCENARIO.state(api.account, group), api.account.findings()
    api.account.wire.reset()
    for path in ("/v1/findings", f"/v1/findings/{finding.id}", "/v1/guardrails", "/v1/health", "/v1/pause"):
        api.get(path)
    assert {made.service for made in api.account.wire.calls} == {"dynamodb"}
    assert {made.operation for made in api.account.wire.calls} <= {"Query", "GetItem", "BatchGetItem"}
    assert (SCENARIO.state(api.account, group), api.account.findings()) == before
    assert api.events() == []
