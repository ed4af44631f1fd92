"""The named queries over what the sample systems of the local account log while something is wrong with them."""

from __future__ import annotations

import pytest

from chalicelib.insights import queries, running
from chalicelib.insights.model import Row
from local.insights import Event, parse, run
from local.systems import SYSTEMS, lines
from local.systems.faults import Fault
from tests.samples import ACCOUNT

START = 1_795_003_200
MINUTES = range(START, START + 1800, 60)


def asked(name: str, system: str, fault: str, **given: str) -> list[Row]:
    """What a query finds in half an hour of a system of which the later quarter is faulty."""
    one, faults = SYSTEMS[system], [Fault(system, fault, START + 900, START + 1800)]
    logs = ((one.log_group, lines.application), (one.log_group, lines.reports), (one.access_log, lines.access))
    wanted = one.access_log if queries.find(name).logs[0] in ("alb", "apigw") else one.log_group
    events = [
        Event(round(when * 1000), text, group, account=ACCOUNT)
        for at in MINUTES
        for group, written in logs
        for when, text in written(one, at, faults)
        if group == wanted
    ]
    query = queries.find(name)
    found = run(parse(queries.text(query, given)), events, START, START + 1799)
    return [{each.name: running.cell(row.get(each.name), each) for each in query.columns} for row in found.rows]


@pytest.mark.parametrize("system", SYSTEMS)
def test_errors_are_those_that_the_system_makes(system: str) -> None:
    found = asked("errors-top", system, "500s")
    assert {one["error_text"] for one in found} <= set(SYSTEMS[system].wrong)
    assert found


def test_the_rate_of_errors_rises_with_the_fault() -> None:
    found = asked("errors-rate", "shop", "500s", every="15m")
    before, during = (float(one["error_percent"] or 0) for one in found[-2:])
    assert during > before


@pytest.mark.parametrize("system", ["shop", "platform"])
def test_the_balancer_answers_later(system: str) -> None:
    before, during = asked("alb-latency", system, "latency", every="15m")
    assert float(during["p95_s"] or 0) > 3 * float(before["p95_s"] or 0) > 0


def test_with_its_targets_down_the_balancer_answers_itself() -> None:
    found = asked("alb-failing", "shop", "targets-down")
    assert {(one["lb_target"], one["lb_status"], one["lb_target_status"]) for one in found} == {("-", "503", "-")}
    assert {f"{one['lb_method']} {one['lb_path']}" for one in found} <= set(SYSTEMS["shop"].paths)


def test_the_function_is_slow() -> None:
    bound = "1s"
    slow = asked("lambda-slow", "images", "latency", slower_than=bound, top="1000")
    assert slow
    assert {float(one["took_ms"] or 0) > 1000 for one in slow} == {True}
    well = [one for one in slow if float(one["@timestamp"] or 0) < START + 900]
    assert len(well) < len(slow) / 4
    [cold] = asked("lambda-cold", "images", "latency")
    assert 0 < float(cold["cold_starts"] or 0) < float(cold["invoked"] or 0)


@pytest.mark.parametrize("system", ["images", "saas"])
def test_the_gateway_tells_which_routes_fail(system: str) -> None:
    found = asked("apigw-routes", system, "500s")
    assert {one["route_name"] for one in found} <= set(SYSTEMS[system].paths)
    assert sum(float(one["requests_bad"] or 0) for one in found) > 0
