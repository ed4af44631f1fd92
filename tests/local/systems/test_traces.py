"""Traces of a minute: as X-Ray documents them, as many bad ones as the metrics count, and the same at every look."""

from __future__ import annotations

import json
from itertools import pairwise
from uuid import UUID

import pytest

from local.insights.discovery import discovered
from local.systems import SYSTEMS, lines
from local.systems.faults import Fault
from local.systems.model import System
from local.systems.traces import BAD_VERSION, SAMPLED, Trace, traces
from local.systems.traffic import flow
from local.xray import SEGMENT_ID, TRACE_ID
from local.xray_filter import edges

BUSY = 1_795_014_000


def of(name: str, kind: str = "", minutes: int = 1) -> list[Trace]:
    faults = [Fault(name, kind, BUSY, BUSY + 3600)] if kind else []
    return [one for minute in range(minutes) for one in traces(SYSTEMS[name], BUSY + 60 * minute, faults)]


@pytest.fixture(params=sorted(SYSTEMS))
def system(request: pytest.FixtureRequest) -> System:
    return SYSTEMS[request.param]


def test_segments_are_as_xray_documents_them(system: System) -> None:
    for trace in of(system.name):
        assert TRACE_ID.fullmatch(trace.id)
        assert int(trace.id.split("-")[1], 16) == int(trace.start)
        assert BUSY <= trace.start < BUSY + 60
        ids = [one["id"] for one in trace.documents]
        ids += [inner["id"] for one in trace.documents for inner in one.get("subsegments", ())]
        assert len(ids) == len(set(ids))
        assert all(SEGMENT_ID.fullmatch(one) for one in ids)
        entry, *rest = trace.documents
        assert "parent_id" not in entry
        assert entry["http"]["response"]["status"] == trace.status
        # Everything hangs on the entry, and lies within what called it.
        assert len(list(edges(trace.documents))) == len(rest)
        for caller, callee in edges(trace.documents):
            assert caller["start_time"] <= callee["start_time"] <= callee["end_time"] <= caller["end_time"] + 0.001


def test_calls_are_those_of_the_system(system: System) -> None:
    known = {(one.caller, one.callee) for one in system.edges}
    found = {
        (caller["name"], callee["name"])
        for trace in of(system.name, minutes=5)
        for caller, callee in edges(trace.documents)
    }
    assert found == known


@pytest.mark.parametrize("kind", ["", "500s", "bad-deploy", "db-connections"])
def test_the_share_of_bad_ones_is_that_of_the_metrics(kind: str) -> None:
    system, found = SYSTEMS["saas"], of("saas", kind, 30)
    faults = [Fault("saas", kind, BUSY, BUSY + 3600)] if kind else []
    flows = [flow("saas", system.traffic, BUSY + 60 * one, 1, faults) for one in range(30)]
    assert len(found) == 30 * SAMPLED
    share = sum(one.failed for one in flows) / sum(one.offered for one in flows)
    assert sum(one.status == 500 for one in found) / len(found) == pytest.approx(share, abs=1 / SAMPLED)
    rejected = sum(one.rejected for one in flows) / sum(one.offered for one in flows)
    assert sum(one.status == 404 for one in found) / len(found) == pytest.approx(rejected, abs=1 / SAMPLED)


def test_they_are_the_same_at_every_look() -> None:
    assert of("images", "500s") == of("images", "500s")
    assert {one.id for one in of("images")}.isdisjoint(one.id for one in of("shop"))


def test_without_connections_the_database_is_to_blame_and_takes_the_time() -> None:
    bad = [one for one in of("shop", "db-connections") if one.status == 500]
    assert bad
    for trace in bad:
        [database] = [one for one in trace.documents if one["name"] == "shop@shop-db"]
        assert database["fault"]
        assert "connection slots" in database["cause"]["exceptions"][0]["message"]
        took, whole = (one["end_time"] - one["start_time"] for one in (database, trace.documents[0]))
        assert took > 0.5 * whole


def test_what_reached_nothing_left_no_trace_but_an_api_saw_it() -> None:
    assert of("shop", "targets-down") == of("intake", "targets-down") == of("shop", "traffic-stops") == []
    found = of("images", "targets-down")
    assert [one.status for one in found] == [503] * SAMPLED
    assert {len(one.documents) for one in found} == {1}


def test_a_bad_deployment_shows_in_the_release_and_in_a_new_error() -> None:
    bad = [one for one in of("platform", "bad-deploy", 3) if one.message]
    assert {one.message for one in bad} == {SYSTEMS["platform"].wrong[-1]}
    assert {one.documents[0]["service"]["version"] for one in bad} == {BAD_VERSION}
    usual = {one.message for one in of("platform", "500s", 3)}
    assert SYSTEMS["platform"].wrong[-1] not in usual


def test_a_trace_tells_where_its_errors_are_logged() -> None:
    told = {
        log["log_group"]: document["name"]
        for document in of("shop", "500s", 1)[0].documents
        for log in document.get("aws", {}).get("cloudwatch_logs", ())
    }
    assert told == {"/shop/web": "shop"}


def test_error_lines_share_the_id_of_their_trace() -> None:
    system, faults = SYSTEMS["images"], [Fault("images", "500s", BUSY, BUSY + 60)]
    told = [(when, json.loads(text)) for when, text in lines.application(system, BUSY, faults)]
    errors = [one for _, one in told if one["level"] == "ERROR"]
    assert len(errors) == lines.ERRORS
    ids = {one.id for one in traces(system, BUSY, faults) if one.status == 500}
    assert {one["xray_trace_id"] for one in errors} <= ids
    assert [one["level"] for _, one in told].count("INFO") == lines.USUAL
    # By the wall's clock, where the other is ahead.
    [(first, _), *_] = lines.application(system, BUSY, faults, 600.0)
    assert first == pytest.approx(told[0][0] - 600)


def test_a_load_balancer_logs_what_it_refused() -> None:
    system, faults = SYSTEMS["platform"], [Fault("platform", "targets-down", BUSY, BUSY + 60)]
    told = [text for _, text in lines.access(system, BUSY, faults)]
    assert len(told) == lines.ASKED
    for text in told:
        fields = text.split(" ")
        assert (fields[4], fields[5:8], fields[8], fields[9]) == ("-", ["-1"] * 3, "503", "-")
    well = [text.split(" ")[8] for _, text in lines.access(system, BUSY, ())]
    assert set(well) <= {"200", "404", "500"}


def test_functions_are_reported_as_lambda_does() -> None:
    told = [text for _, text in lines.reports(SYSTEMS["images"], BUSY, ())]
    assert len(told) == lines.ASKED
    for text, one in zip(told, traces(SYSTEMS["images"], BUSY, ()), strict=False):
        fields = discovered(text)
        assert (fields["@type"], fields["@xrayTraceId"]) == ("REPORT", one.id)
        assert float(str(fields["@duration"])) == pytest.approx(one.seconds * 1000, abs=0.01)
        assert UUID(str(fields["@requestId"])).version == 4
    assert list(lines.reports(SYSTEMS["shop"], BUSY, ())) == []


def test_lines_come_in_few() -> None:
    for system in SYSTEMS.values():
        for kind in ("", "500s", "targets-down"):
            faults = [Fault(system.name, kind, BUSY, BUSY + 60)] if kind else []
            assert len(list(lines.application(system, BUSY, faults))) <= lines.ERRORS + lines.USUAL
            assert len(list(lines.access(system, BUSY, faults))) <= lines.ASKED


def test_traces_come_one_after_another() -> None:
    starts = [one.start for one in of("shop")]
    assert all(one < other for one, other in pairwise(starts))
