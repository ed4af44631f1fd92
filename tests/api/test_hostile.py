"""Whatever a request holds, it is answered in our own words: never an error of ours, never a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.model import STATUSES, Finding
from tests.account import TABLE
from tests.api.client import Api, event

PARAMETERS = (
    "status", "resource", "guardrail", "since", "limit", "after", "why", "for", "until", "who", "", "question",
    "break_glass", "ending", "service", "account", "region", "part", "tag", "principal", "idempotency_key",
)  # fmt: skip
odd = st.one_of(
    st.text(st.characters(codec=None), max_size=30),
    st.sampled_from([*STATUSES, "24h", "2026-11-01", "1795000001.5_0a1b2c3d", "0_", "9999999999_", "-1", "\x00", "٣"]),
    st.from_regex(r"[0-9]{0,12}(\.[0-9]{0,12})?_[0-9a-v]{0,9}", fullmatch=True),
    st.from_regex(r"[0-9]{1,25}[smhd]", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.+Z-]{0,20})?", fullmatch=True),
    st.just("ä" * 1500),
)  # fmt: skip
names = st.one_of(st.sampled_from(PARAMETERS), st.text(st.characters(codec=None), max_size=10))
queries = st.dictionaries(names, st.lists(odd, min_size=1, max_size=2), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(st.none(), odd, st.dictionaries(names, values).map(json.dumps), values.map(json.dumps))
ITEMS = ("{id}", "0a1b2c3d", "..", "%00", "HEAD%23x", "\ud800", "🙂", "x" * 5000)
hostile = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def finding(api: Api) -> Finding:
    found = api.breach()
    api.account.undo(found)
    api.events()
    return found


def answered(api: Api, raw: dict[str, Any]) -> None:
    status, _ = api.send(raw)
    assert status in (200, 201, 202, 400, 404, 409, 415), status


@hostile
@given(query=queries, item=st.sampled_from(ITEMS))
def test_reading(api: Api, finding: Finding, query: dict[str, list[str]], item: str) -> None:
    at = api.account.clock()
    named = item.replace("{id}", finding.id)
    items = (f"/v1/findings/{named}", f"/v1/commands/{named}")
    for path in ("/v1/findings", "/v1/guardrails", "/v1/pause", "/v1/exemptions", *items):
        answered(api, event("GET", path, query, at=at))


@hostile
@given(query=queries | st.just({}), body=bodies, item=st.sampled_from(ITEMS))
def test_asking(api: Api, finding: Finding, query: dict[str, list[str]], body: str | None, item: str) -> None:
    at = api.account.clock()
    for what in ("undo", "exempt", "approve", "reject", "acknowledge"):
        answered(api, event("POST", f"/v1/findings/{item.replace('{id}', finding.id)}/{what}", query, body, at=at))
    stored = api.account.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert {one["who"]["S"] for one in stored if one["sk"]["S"] == "COMMAND"} <= {"alice", "bob"}
    assert api.account.findings() == [api.account.journal.get(finding.id)]


@hostile
@given(body=bodies, encoded=st.booleans())
def test_pausing(api: Api, body: str | None, encoded: bool) -> None:
    raw = event("POST", "/v1/pause", body=body, at=api.account.clock())
    answered(api, raw | {"isBase64Encoded": encoded})
    answered(api, event("GET", "/v1/health", at=api.account.clock()))
    answered(api, event("DELETE", "/v1/pause", at=api.account.clock()))


@hostile
@given(query=queries | st.just({}), body=bodies, item=st.sampled_from(ITEMS))
def test_exempting(api: Api, query: dict[str, list[str]], body: str | None, item: str) -> None:
    at = api.account.clock()
    answered(api, event("POST", "/v1/exemptions", query, body, at=at))
    answered(api, event("DELETE", f"/v1/exemptions/{item}", query, at=at))
    answered(api, event("GET", "/v1/exemptions", at=at))
