from __future__ import annotations

import pytest

from chalicelib.insights import running
from chalicelib.insights.model import Column
from chalicelib.insights.running import (
    PAUSES,
    Crowded,
    Done,
    Ended,
    Forgotten,
    Malformed,
    Running,
    State,
    Statistics,
)  # fmt: skip
from chalicelib.model import AwsError
from tests.account import Clock
from tests.insights.logs import Logs

ID = "00000000-0000-4000-8000-0000000000q1"
TIMES, AT, NAME = Column("times", "times", "number"), Column("at", "time", "time"), Column("name", "name")


class TestStarting:
    def test_asks_for_whole_seconds_of_some_log_groups(self) -> None:
        logs = Logs()
        begun = running.start(logs, "fields @message", ["/a", "/b"], 100.9, 200.2)
        assert (begun.id, begun.groups, begun.start, begun.end) == (ID, ("/a", "/b"), 100.9, 200.2)
        assert logs.made("logs:start_query") == [
            {"logGroupNames": ["/a", "/b"], "startTime": 100, "endTime": 200, "queryString": "fields @message"}
        ]

    def test_may_limit_the_rows(self) -> None:
        logs = Logs()
        running.start(logs, "fields @message", ["/a"], 0, 1, limit=7)
        assert logs.made("logs:start_query")[0]["limit"] == 7

    @pytest.mark.parametrize("code", ["LimitExceededException", "ThrottlingException", "ServiceUnavailableException"])
    def test_is_tried_again_while_there_are_too_many(self, code: str) -> None:
        logs, watch = Logs(refusals=[(code, "wait")] * 3), Clock(100.0)
        assert running.start(logs, "fields @message", ["/a"], 0, 1, sleep=watch.sleep).id == ID
        assert len(logs.made("logs:start_query")) == 4
        for slept, pause in zip(watch.slept, PAUSES[:3], strict=True):
            assert 0.75 * pause <= slept <= 1.25 * pause

    def test_ends_when_there_are_too_many_all_the_time(self) -> None:
        logs, watch = Logs(refusals=[("LimitExceededException", "too many")] * 100), Clock(100.0)
        with pytest.raises(Crowded, match=r"logs:StartQuery answers LimitExceededException again and again.*eu-west-1"):
            running.start(logs, "fields @message", ["/a"], 0, 1, sleep=watch.sleep)
        assert len(logs.made("logs:start_query")) == len(PAUSES) + 1
        # Within what API Gateway waits for.
        assert sum(watch.slept) < 10

    def test_of_what_is_no_query_fails_at_once(self) -> None:
        logs = Logs(refusals=[("MalformedQueryException", "unexpected symbol found | at line 1")])
        with pytest.raises(Malformed, match="unexpected symbol found"):
            running.start(logs, "|", ["/a"], 0, 1)
        assert len(logs.made("logs:start_query")) == 1

    def test_that_is_denied_is_an_error_as_it_is(self) -> None:
        logs = Logs(refusals=[("AccessDeniedException", "no")])
        with pytest.raises(AwsError) as raised:
            running.start(logs, "fields @message", ["/a"], 0, 1)
        assert raised.value.denied


class TestLooking:
    @pytest.mark.parametrize("state", ["scheduled", "running"])
    def test_tells_how_far_it_is(self, state: State) -> None:
        found = running.poll(Logs(states=[state.capitalize()]), ID)
        assert found == Running(state, Statistics(0.0, 9999.0, 1024.0))

    @pytest.mark.parametrize(
        ("state", "how", "why"),
        [
            ("Failed", "failed", "could not run it"),
            ("Timeout", "timeout", "longer than an hour"),
            ("Cancelled", "cancelled", "somebody has cancelled it"),
            ("Unknown", "unknown", "start it again"),
            ("SomethingNew", "unknown", "start it again"),
        ],
    )
    def test_tells_how_it_ended(self, state: str, how: str, why: str) -> None:
        with pytest.raises(Ended, match=why) as raised:
            running.poll(Logs(states=[state]), ID)
        assert raised.value.how == how

    def test_of_nothing_finds_nothing(self) -> None:
        found = running.poll(Logs(), ID, [NAME, TIMES])
        assert isinstance(found, Done)
        assert (found.columns, found.rows, found.cut) == ((NAME, TIMES), (), False)

    def test_gives_rows_of_the_types_of_their_columns(self) -> None:
        logs = Logs(rows=[{"at": "2026-11-18 11:06:41.250", "times": "12", "name": "0012"}, {"name": "x"}])
        found = running.poll(logs, ID, [AT, NAME, TIMES])
        assert isinstance(found, Done)
        assert found.rows == (
            {"at": 1_795_000_001.25, "name": "0012", "times": 12.0},
            {"at": None, "name": "x", "times": None},
        )
        assert found.statistics == Statistics(2.0, 9999.0, 1024.0)

    def test_without_columns_has_those_of_the_rows_and_texts_alone(self) -> None:
        found = running.poll(Logs(rows=[{"a": "1"}, {"a": "2", "b": "x"}]), ID)
        assert isinstance(found, Done)
        assert [one.name for one in found.columns] == ["a", "b"]
        assert found.rows == ({"a": "1", "b": None}, {"a": "2", "b": "x"})

    def test_reads_ten_thousand_rows(self) -> None:
        logs = Logs(rows=[{"times": str(number)} for number in range(10_000)])
        found = running.poll(logs, ID, [TIMES])
        assert isinstance(found, Done)
        assert ([row["times"] for row in found.rows], found.cut) == (list(range(10_000)), False)
        assert len(logs.made("logs:get_query_results")) == 1

    def test_reads_further_pages_when_asked_to(self) -> None:
        logs = Logs(rows=[{"times": str(number)} for number in range(25_000)])
        found = running.poll(logs, ID, [TIMES], most=25_000)
        assert isinstance(found, Done)
        assert ([row["times"] for row in found.rows], found.cut) == (list(range(25_000)), False)
        assert [one.get("nextToken") for one in logs.made("logs:get_query_results")] == [None, "10000", "20000"]

    @pytest.mark.parametrize("most", [10_000, 10_001])
    def test_says_that_there_are_more(self, most: int) -> None:
        logs = Logs(rows=[{"times": str(number)} for number in range(10_002)])
        found = running.poll(logs, ID, [TIMES], most=most)
        assert isinstance(found, Done)
        assert (len(found.rows), found.cut) == (most, True)

    def test_for_what_is_kept_no_longer_says_so(self) -> None:
        with pytest.raises(Forgotten, match="keeps them for seven days"):
            running.poll(Logs(stumbles=["ResourceNotFoundException"]), ID)


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        (TIMES, "1.25E3", 1250.0),
        (TIMES, "NaN", None),
        (TIMES, "Infinity", None),
        (TIMES, "-", "-"),
        (TIMES, "", None),
        (AT, "2026-11-18 11:06:41.000", 1_795_000_001.0),
        (AT, "2026-11-18T11:06:41Z", 1_795_000_001.0),
        # `latest(@timestamp)` is milliseconds.
        (AT, "1795000001250", 1_795_000_001.25),
        (AT, "1.795000001E12", 1_795_000_001.0),
        (AT, "yesterday", "yesterday"),
        (NAME, "1.25E3", "1.25E3"),
    ],
)
def test_a_cell_is_read_as_its_column_says(column: Column, value: str, found: object) -> None:
    assert running.cell(value, column) == found


class TestCancelling:
    def test_stops_what_runs(self) -> None:
        logs = Logs(states=["Running"])
        assert running.cancel(logs, ID)
        assert logs.stopped == [ID]

    def test_of_what_is_over_is_no_error(self) -> None:
        assert not running.cancel(Logs(), ID)

    def test_that_is_denied_is_one(self) -> None:
        class Denying(Logs):
            def stop_query(self, params: object) -> dict[str, object]:
                raise AwsError("logs:StopQuery", "AccessDeniedException", "no")

        with pytest.raises(AwsError):
            running.cancel(Denying(), ID)


class TestWaiting:
    def test_looks_soon_at_first_and_then_less_often(self) -> None:
        logs, watch = Logs(states=["Scheduled", *["Running"] * 8, "Complete"], rows=[{"times": "1"}]), Clock(100.0)
        found = running.wait(logs, ID, [TIMES], patience=60, clock=watch, sleep=watch.sleep)
        assert isinstance(found, Done)
        assert watch.slept == [0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0]

    def test_ends_with_its_patience(self) -> None:
        watch = Clock(100.0)
        found = running.wait(Logs(states=["Running"]), ID, patience=5, clock=watch, sleep=watch.sleep)
        assert isinstance(found, Running)
        assert watch.at == pytest.approx(105)

    def test_stumbles_over_no_throttled_look(self) -> None:
        logs, watch = Logs(states=["Complete"], stumbles=["ThrottlingException"] * 3), Clock(100.0)
        assert isinstance(running.wait(logs, ID, patience=5, clock=watch, sleep=watch.sleep), Done)

    def test_but_over_one_that_is_throttled_to_the_end(self) -> None:
        logs, watch = Logs(stumbles=["ThrottlingException"] * 50), Clock(100.0)
        with pytest.raises(AwsError):
            running.wait(logs, ID, patience=5, clock=watch, sleep=watch.sleep)

    def test_and_over_any_other_error(self) -> None:
        watch = Clock(100.0)
        with pytest.raises(Ended):
            running.wait(Logs(states=["Running", "Failed"]), ID, patience=5, clock=watch, sleep=watch.sleep)
