"""Error lines that are too many to be read are counted by a query, at a price, in time, or not at all."""

from __future__ import annotations

import pytest

from chalicelib.explain import counted
from chalicelib.explain.counted import Counted
from chalicelib.insights.price import GB, Group
from chalicelib.model import AwsError
from tests.account import Clock
from tests.insights.logs import Logs

START, END = 1_795_003_200.0, 1_795_004_100.0
GROUP = "/shop/web"


def row(pattern: str, count: int, change: int) -> dict[str, str]:
    return {
        "@pattern": pattern, "@differenceDescription": "", "@sampleCount": str(count), "@diffEventCount": str(change),
        "@severityLabel": "ERROR",
    }  # fmt: skip


def count(logs: Logs, *names: str, patience: float = 5.0) -> Counted:
    clock, some = Clock(0.0), [Group(name) for name in names or (GROUP,)]
    return counted.count(logs, some, START, END, END + 60, patience, clock, clock.sleep)


def test_patterns_are_told_as_lines_are() -> None:
    logs = Logs(rows=[
        row('{"level":"ERROR","message":"KeyError: \'price\' of <Number-1>","n":<Number-2>}', 40, 40),
        row('{"level":"ERROR","message":"KeyError: \'price\' of <*>","n":<*>,"user":"<UUID-3>"}', 2, -1),
        row("ERROR gone for good", 0, -7),
    ], incoming={GROUP: 1e6}, scanned=2e6)  # fmt: skip
    found = count(logs)
    [one] = found.patterns
    assert (one.text, one.count, one.before, one.group, one.first) == ("KeyError: 'price' of …", 42, 3, GROUP, 0.0)
    assert (found.groups, found.scanned, found.reason) == (frozenset({GROUP}), 2e6, "")
    assert 0 < found.usd < 0.001
    [asked] = logs.made("logs:start_query")
    assert (asked["startTime"], asked["endTime"], asked["logGroupNames"]) == (int(START), int(END), [GROUP])
    assert "| diff" in asked["queryString"]


def test_what_is_too_dear_is_not_asked() -> None:
    logs = Logs(incoming={GROUP: 7.2 * GB})
    found = count(logs)
    assert found.reason == "Logs Insights would have to read 7.2 GB, and an explanation reads 5 GB"
    assert (found.patterns, found.groups, logs.made("logs:start_query")) == ((), frozenset(), [])


def test_a_query_that_is_not_done_in_time_is_cancelled() -> None:
    logs = Logs(states=["Running"], incoming={GROUP: 1.0})
    found = count(logs)
    assert found.reason == "Logs Insights was not done in time"
    assert len(logs.stopped) == 1
    assert found.scanned == 1024, "what it has read is billed"


@pytest.mark.parametrize(
    ("logs", "reason"),
    [
        (Logs(incoming={GROUP: 1.0}, refusals=[("LimitExceededException", "")] * 9), "too many queries"),
        (Logs(incoming={GROUP: 1.0}, refusals=[("AccessDeniedException", "")]), "not allowed: logs:StartQuery"),
        (Logs(incoming={GROUP: 1.0}, states=["Failed"]), "the query has no answer"),
        (Logs(incoming={GROUP: 1.0}, refusals=[("MalformedQueryException", "x")]), "does not understand"),
    ],
)
def test_what_stands_in_the_way_is_said(logs: Logs, reason: str) -> None:
    found = count(logs)
    assert reason in found.reason
    assert (found.patterns, found.groups) == ((), frozenset())


def test_of_several_groups_those_that_are_done_count() -> None:
    logs = Logs(rows=[row("ERROR broken", 5, 5)], incoming={GROUP: 1.0, "/b": 1.0})
    assert {one.group for one in count(logs, GROUP, "/b").patterns} == {GROUP, "/b"}


def test_a_metric_that_may_not_be_read_is_raised() -> None:
    logs = Logs(answers={"cloudwatch:get_metric_data": AwsError("cloudwatch:GetMetricData", "AccessDenied", "no")})
    with pytest.raises(AwsError):
        count(logs)
