"""Reports at work: what is told, when, and what becomes of whatever can go wrong."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.insights.chosen import Insights
from chalicelib.journal import Conflict
from chalicelib.model import AwsError, Destination, ParapetError
from chalicelib.reports import asking, decide
from chalicelib.reports.book import Book
from chalicelib.reports.model import Run, Store
from tests.reports.world import BEFORE, GROUP, NOW, ROWS, TABLE, Died, World, report

SHOP = report()


def begun(one: World, *reports: Any) -> World:
    """A world in which reports are known, at the minute before their first time."""
    one.tick(*(reports or (SHOP,)))
    assert [run.status for run in one.runs()] == ["new"]
    one.now = BEFORE
    return one


def test_a_report() -> None:
    world = begun(World())
    world.tick(SHOP)
    [notice] = world.sent
    assert notice.title == "Top error messages: 2 rows"
    assert (notice.key, notice.thread) == ("report:shop-errors:2026-11-21T07:30:00Z",) * 2
    assert (notice.kind, notice.source, notice.name, notice.severity) == ("digest", "report", "shop-errors", "low")
    assert notice.lines == ("There is no run before to compare with.",)
    assert notice.table == (
        ("error", "times", "requests", "first", "last", "without an id"),
        ("timeout", "40", "31", "06:10:00", "06:53:20", "0"),
        ("refused", "7", "7", "06:11:40", "06:55:00", "0"),
    )
    assert notice.facts == (
        ("From", "2026-11-21 06:30 UTC"),
        ("To", "2026-11-21 07:30 UTC"),
        ("Read", "3.5 GB, $0.02"),
        ("Log groups", GROUP),
        ("Runs", "cron(30 * * * ? *)"),
    )
    assert base64.b64decode(notice.picture).startswith(b"\x89PNG")
    assert notice.destination == Destination(slack="#ops")
    [query] = world.queries.values()
    # Both ends count, and the next hour begins where this one ended.
    assert (query.end - query.start, query.groups) == (3599, [GROUP])
    for _ in range(10):
        world.tick(SHOP)
    assert (len(world.sent), len(world.queries)) == (1, 1)


def test_a_query_waits_for_late_lines_and_its_window_does_not() -> None:
    world, started = World(states=["Complete"]), list[float]()

    def meet(when: str, call: str) -> None:
        if (when, call) == ("before", "logs:start_query"):
            started.append(world.now)

    world.meet = meet
    often = report("rate(5 minutes)", window=300.0)
    for _ in range(20):
        world.tick(often)
    slots = [run.at for run in world.runs() if run.status == "told"]
    assert slots == [NOW + 300 * number for number in range(1, 4)]
    # So long CloudWatch Logs may take until the last line can be queried, and each second is in one run.
    assert all(180 <= at - slot < 240 for at, slot in zip(started, slots, strict=True))
    assert [(one.start, one.end) for one in world.queries.values()] == [(slot - 300, slot - 1) for slot in slots]


def test_what_is_new_gone_and_worse() -> None:
    world = begun(World())
    world.tick(SHOP)
    world.rows = (
        {**ROWS[0], "times_seen": "55"},
        {**ROWS[1], "error_text": "disk full", "times_seen": "9"},
    )
    world.now += 3600 - 60
    world.tick(SHOP)
    notice = world.sent[-1]
    assert notice.title == "Top error messages: 2 rows, 1 new, 1 gone, 1 worse"
    assert notice.lines == ("New: disk full", "Worse: timeout (40 → 55)", "Gone: refused")
    world.now += 3600 - 60
    world.tick(SHOP)
    assert world.sent[-1].lines == ("Nothing is new, gone or worse since the run before.",)


def test_a_new_report_does_not_make_up_for_what_was_before_it() -> None:
    world = World(now=NOW + 3000)
    for _ in range(5):
        world.tick(SHOP)
    assert not world.queries
    world.now = NOW + 4800 + decide.LAG
    world.tick(SHOP)
    assert [run.slot for run in world.runs() if run.status == "told"] == ["2026-11-21T08:30:00Z"]


def test_after_an_outage_only_the_latest_runs_and_says_so() -> None:
    world = begun(World())
    world.tick(SHOP)
    world.now += 5 * 3600
    world.tick(SHOP)
    assert world.sent[-1].key == "report:shop-errors:2026-11-21T12:30:00Z"
    assert world.sent[-1].lines[0] == "Before this one 4 runs were left out: nothing ran at the time."
    assert len(world.queries) == 2
    assert dict(world.sent[-1].facts)["From"] == "2026-11-21 11:30 UTC"


def test_a_query_that_takes_longer_than_until_the_next_time() -> None:
    often = report("rate(5 minutes)")
    world = World(states=["Running"] * 500 + ["Complete"])
    world.tick(often)
    for _ in range(17):
        world.tick(often)
    [first] = world.queries.values()
    first.states = ["Complete"]
    world.states = ["Complete"]
    world.tick(often)
    world.tick(often)
    # One at a time: those between were left out, and the next one says so.
    assert len(world.queries) == 2
    assert "were left out" in world.sent[-1].lines[0]


@pytest.mark.parametrize("states", [["Complete"], ["Scheduled", "Running", "Running", "Complete"]])
def test_empty(states: list[str]) -> None:
    world = begun(World(rows=(), states=states))
    world.tick(SHOP)
    assert world.sent[0].title == "Top error messages: nothing"
    assert (world.sent[0].table, world.sent[0].picture) == ((), "")


def test_only_when_not_empty() -> None:
    quiet = report(only_when_not_empty=True)
    world = begun(World(rows=()), quiet)
    world.tick(quiet)
    assert world.runs()[-1].status == "quiet"
    assert not world.sent
    # It is still what the next one is compared with.
    world.rows, world.now = ROWS, world.now + 3540
    world.tick(quiet)
    assert world.sent[0].lines == ("New: timeout, refused",)


def test_ten_thousand_rows() -> None:
    store = Store("acme-reports", "logs/", "csv")
    many = report(store=store, destination=Destination(slack="#ops"))
    rows = [
        {"error_text": f"error {number}", "times_seen": str(10_000 - number), "requests_hit": "1"}
        for number in range(10_000)
    ]
    world = begun(World(rows=rows), many)
    world.tick(many)
    [notice] = world.sent
    assert notice.title == "Top error messages: 10,000 rows"
    assert notice.lines[-1] == "Shown are the first 15 of 10,000 rows; S3 has all."
    assert len(notice.table) == 16
    [(name, content)] = world.objects.items()
    assert name == "acme-reports/logs/shop-errors/2026/11/21/2026-11-21T073000Z.csv"
    assert dict(notice.facts)["Rows"] == f"s3://{name}"
    kept = world.desk(many).book.last("shop-errors")
    assert kept is not None
    assert kept.stored == f"s3://{name}"
    assert len(list(csv.reader(io.StringIO(content.decode())))) == 10_001
    # And what is compared says that it was not all.
    world.rows, world.now = rows[1:] + rows[:1], world.now + 3540
    world.tick(many)
    told = world.sent[-1].lines
    assert told[0] == "New: error 1000"
    assert "Only the first rows of both runs were compared: what is new or gone may have ranked lower." in told


def test_json_and_formulas() -> None:
    rows = [{"error_text": "=cmd|' /C calc'!A0", "times_seen": "2", "requests_hit": "1", "first_seen": "1795241400000"}]
    for form in ("csv", "json"):
        one = report(store=Store("acme-reports", "", form), silent=True)
        world = begun(World(rows=rows), one)
        world.tick(one)
        assert not world.sent
        assert world.runs()[-1].status == "quiet"
        [content] = world.objects.values()
        if form == "csv":
            assert list(csv.reader(io.StringIO(content.decode())))[1] == [
                "'=cmd|' /C calc'!A0", "2", "1", "2026-11-21T06:10:00.000Z", "", ""
            ]  # fmt: skip
        else:
            told = json.loads(content)
            assert (told["report"], told["from"], told["to"]) == (
                "shop-errors", "2026-11-21T06:30:00Z", "2026-11-21T07:29:59Z"
            )  # fmt: skip
            assert told["rows"] == [
                {
                    "error_text": "=cmd|' /C calc'!A0", "times_seen": 2, "requests_hit": 1,
                    "first_seen": "2026-11-21T06:10:00.000Z", "last_seen": None, "lines_unnamed": None,
                }
            ]  # fmt: skip


def test_a_bucket_that_is_not_there() -> None:
    one = report(store=Store("acme-reports", "", "csv"), destination=Destination(slack="#ops"))
    world = begun(World(broken=["SlowDown", "NoSuchBucket"]), one)
    world.tick(one)
    assert [notice.title for notice in world.sent] == [
        "Report shop-errors is not in S3", "Top error messages: 2 rows"
    ]  # fmt: skip
    why = "s3:PutObject answered NoSuchBucket: no. Is there a bucket acme-reports in this account?"
    assert world.sent[0].lines == (why,)
    assert world.sent[1].lines[0] == f"Not in S3: {why}"
    assert (world.sent[0].kind, world.sent[0].page) == ("trouble", "")


@pytest.mark.parametrize("code", ["LimitExceededException", "ThrottlingException"])
def test_throttling_passes(code: str) -> None:
    world = begun(World(refusals=[code] * 8))
    world.tick(SHOP)
    assert world.runs()[-1].status == "waiting"
    for _ in range(4):
        world.tick(SHOP)
    assert [one.title for one in world.sent] == ["Top error messages: 2 rows"]


@pytest.mark.parametrize("call", ["logs:describe_log_groups", "cloudwatch:get_metric_data"])
def test_throttling_before_the_query_passes(call: str) -> None:
    world, refused = begun(World()), [0]

    def meet(when: str, made: str) -> None:
        if (when, made) == ("before", call) and refused[0] < 3:
            refused[0] += 1
            raise AwsError(call, "ThrottlingException", "Rate exceeded")

    world.meet = meet
    for _ in range(9):
        world.tick(SHOP)
    assert (refused, [one.title for one in world.sent]) == ([3], ["Top error messages: 2 rows"])
    assert world.runs()[-1].tries == 4


def test_throttling_that_does_not_pass_is_told_once() -> None:
    world = begun(World(refusals=["LimitExceededException"] * 1000))
    for _ in range(58):
        world.tick(SHOP)
    [notice] = world.sent
    assert notice.title == "Report shop-errors failed"
    assert (notice.kind, notice.severity, notice.page) == ("trouble", "medium", "")
    assert "too many queries of Logs Insights run in eu-west-1" in notice.lines[0]
    assert notice.lines[0].endswith("It was tried 6 times")
    assert world.runs()[-1].status == "failed"
    assert not world.queries


@pytest.mark.parametrize(("state", "tries"), [("Failed", 3), ("Timeout", 2), ("Unknown", 3)])
def test_failing_queries(state: str, tries: int) -> None:
    world = begun(World(states=["Running", state]))
    for _ in range(30):
        world.tick(SHOP)
    [notice] = world.sent
    assert notice.lines[0].endswith(f"It was tried {tries} times")
    assert len(world.queries) == tries
    # And at its next time it runs again.
    world.states, world.now = ["Complete"], world.now + 3600
    world.tick(SHOP)
    assert world.sent[-1].title == "Top error messages: 2 rows"


def test_once_failed_then_fine() -> None:
    world = begun(World(states=["Failed"]))
    world.tick(SHOP)
    world.states = ["Complete"]
    world.tick(SHOP)
    world.tick(SHOP)
    assert [one.title for one in world.sent] == ["Top error messages: 2 rows"]
    assert len(world.queries) == 2


def test_one_that_somebody_cancelled_is_not_tried_again() -> None:
    world = begun(World(states=["Cancelled"]))
    for _ in range(5):
        world.tick(SHOP)
    assert [one.lines[0] for one in world.sent] == ["the query has no answer: somebody has cancelled it"]
    assert len(world.queries) == 1


def test_one_that_never_ends_is_cancelled() -> None:
    world = begun(World(states=["Running"]))
    # Half an hour of invocations, each looking for a while.
    for _ in range(200):
        world.tick(SHOP)
    assert [one.stopped for one in world.queries.values()][:2] == [True, True]
    assert "still ran after 75 minutes and was cancelled" in world.sent[0].lines[0]


def test_looks_that_are_refused() -> None:
    world = begun(World(stumbles=["ThrottlingException"] * 3))
    world.tick(SHOP)
    assert len(world.sent) == 1
    world = begun(World(stumbles=["AccessDeniedException"]))
    world.tick(SHOP)
    assert world.sent[0].lines[0] == "logs:GetQueryResults answered AccessDeniedException: not now"


def test_rows_that_were_forgotten_are_asked_for_again() -> None:
    world = begun(World(stumbles=["ResourceNotFoundException"]))
    for _ in range(3):
        world.tick(SHOP)
    assert [one.title for one in world.sent] == ["Top error messages: 2 rows"]
    assert len(world.queries) == 2


@pytest.mark.parametrize(
    ("changes", "refusals", "said"),
    [
        ({}, ["MalformedQueryException"], "Logs Insights does not understand the query: not now"),
        ({}, ["AccessDeniedException"], "logs:StartQuery answered AccessDeniedException: not now"),
        ({"groups": ("/nowhere",)}, [], "there is no log group /nowhere in eu-west-1"),
        ({"groups": (), "service": "shop"}, [], "there is no service 'shop'"),
        ({"budget_gb": 1}, [], "this would read about 1.4 GB"),
    ],
)
def test_what_no_try_can_mend_is_told_at_once(changes: dict[str, Any], refusals: list[str], said: str) -> None:
    one = report(**changes)
    world = begun(World(refusals=list(refusals), stored=2 * 1024**3), one)
    for _ in range(10):
        world.tick(one)
    [notice] = world.sent
    assert notice.lines[0].startswith(said)
    assert notice.lines[1] == "The next one comes by the schedule."
    assert "insist" not in notice.lines[0]
    assert not world.queries


@pytest.mark.parametrize(
    ("changes", "insights", "said"),
    [
        ({}, Insights(budget_gb=1), "[insights] budget_gb in parapet.toml lets one query read 1 GB: ask for a shorter "
         "window or fewer log groups; budget_gb under its [[reports]] is for this report alone"),
        ({"budget_gb": 1}, Insights(), "budget_gb under its [[reports]] lets one run read 1 GB: give it a shorter "
         "window or fewer log groups"),
    ],
)  # fmt: skip
def test_what_is_too_dear_names_the_setting_that_says_so(
    changes: dict[str, Any], insights: Insights, said: str
) -> None:
    one = report(**changes)
    world = begun(World(stored=2 * 1024**3), one)
    world.tick(one, insights=insights)
    world.tick(one, insights=insights)
    assert world.sent[0].lines[0] == f"this would read about 1.4 GB for less than $0.01, and {said}"


def test_a_report_may_read_more_than_others() -> None:
    dear = report(budget_gb=50)
    world = begun(World(stored=40 * 1024.0**3), dear)
    world.tick(dear, insights=Insights(budget_gb=1))
    assert len(world.queries) == 1


def asked(world: World, number: str = "0123456789abcdef") -> Run:
    """What `./parapet report run` leaves."""
    run = Run("shop-errors", f"2026-11-21T07:12:00Z-{number}", NOW + 120, "asked", NOW + 120, who="ada")
    return world.desk(SHOP).book.ask(run, NOW + 9e6)


def test_asked_for_by_a_person() -> None:
    world = World()
    world.tick(SHOP)
    asked(world)
    with pytest.raises(Conflict):
        asked(world, "fedcba9876543210")
    world.tick(SHOP)
    [notice], [query] = world.sent, world.queries.values()
    assert notice.key == "report:shop-errors:2026-11-21T07:12:00Z-0123456789abcdef"
    kept = world.desk(SHOP).book.last_asked("shop-errors")
    assert kept is not None
    assert (kept.slot, kept.at, kept.who, kept.total) == (notice.key.split(":", 2)[2], NOW + 120, "ada", 2)
    # Now is now: it does not wait.
    assert query.end == NOW + 119
    assert notice.facts[-1] == ("Asked by", "ada")
    asked(world, "fedcba9876543210")
    world.tick(SHOP)
    assert len(world.sent) == 2
    # The schedule's is not compared with it.
    world.now = BEFORE
    world.tick(SHOP)
    assert world.sent[-1].lines == ("There is no run before to compare with.",)
    late = Run("shop-errors", "2026-11-21T07:40:00Z-0123456789abcdef", world.now, "asked", world.now, who="ada")
    world.desk(SHOP).book.ask(late, NOW + 9e6)
    world.tick(SHOP)
    assert world.sent[-1].lines == ("Nothing is new, gone or worse since the run before.",)


def test_who_asks_is_answered_also_with_nothing() -> None:
    quiet = replace(SHOP, only_when_not_empty=True)
    world = World(rows=())
    world.tick(quiet)
    asked(world)
    world.tick(quiet)
    assert world.sent[0].title == "Top error messages: nothing"


def test_one_that_cannot_be_worked_on_does_not_keep_the_others() -> None:
    world = World()
    broken = replace(SHOP, name="broken", value="times_seen", key=("error_text",), groups=(GROUP,))
    world.tick(SHOP, broken)
    world.table.items[("REPORT#broken", "SLOT#9999")] = {
        "pk": {"S": "REPORT#broken"}, "sk": {"S": "SLOT#9999"}, "record": {"S": "{}"}, "rev": {"N": "1"},
    }  # fmt: skip
    world.now = BEFORE
    with pytest.raises(KeyError):
        world.tick(broken, SHOP)
    assert len(world.sent) == 1


def test_columns_and_cells_of_any_kind() -> None:
    own = report(query="", text="stats count(*) as n by a, b", key=("a",), value="n", title="Own")
    rows = [{"a": "x", "b": "y\nz", "n": "3"}, {"a": "x", "b": "", "n": "4"}, {"b": "only", "n": "oops"}]
    world = begun(World(rows=rows), own)
    world.tick(own)
    assert world.sent[0].table == (("a", "b", "n"), ("x", "y z", "3"), ("x", "–", "4"), ("–", "only", "oops"))
    world.now += 3540
    world.rows = [{"a": "x", "b": "", "n": "40"}]
    world.tick(own)
    assert world.sent[1].lines == ("Worse: x (4 → 40)", "Gone: –")


def test_the_table_is_down() -> None:
    world = begun(World())

    def down(when: str, call: str) -> None:
        if call.startswith("dynamodb:") and when == "before":
            raise AwsError("dynamodb:Query", "InternalServerError", "down")

    world.meet = down
    with pytest.raises(AwsError):
        world.tick(SHOP)
    world.meet = lambda _when, _call: None
    world.tick(SHOP)
    assert len(world.sent) == 1


def test_secrets_in_the_logs_go_no_further() -> None:
    rows = ({**ROWS[0], "error_text": "refused AKIAIOSFODNN7EXAMPLE"},)
    one = report(store=Store("acme-reports", "", "csv"), destination=Destination(slack="#ops"))
    world = begun(World(rows=rows), one)
    world.tick(one)
    assert world.sent[0].table[1][0] == "refused (secret)"
    everything = f"{world.objects} {world.table.items} {world.sent}"
    assert "AKIAIOSFODNN7EXAMPLE" not in everything


def recorded(world: World) -> Run:
    """A run that bob has asked for, as it is recorded."""
    found = Book(world, TABLE).asked(SHOP.name)
    assert found
    return found


def cancel(world: World) -> Run:
    """Have ada cancel it."""
    return asking.cancel(Book(world, TABLE), lambda _region: world, SHOP, "ada", world.now)


def wanted(**more: Any) -> World:
    """A world in which bob has asked for a run."""
    world = begun(World(**more))
    world.now = NOW + 60
    asking.ask(Book(world, TABLE), SHOP, "bob", world.now, "1")
    return world


def test_one_that_was_asked_for_is_cancelled_before_it_begins() -> None:
    world = wanted()
    ended = cancel(world)
    assert (ended.status, ended.who, ended.why, ended.over) == ("cancelled", "bob", "ada has cancelled it", True)
    world.tick(SHOP)
    assert (recorded(world), world.queries, world.sent) == (ended, {}, [])
    with pytest.raises(asking.Over, match="still under way; the last one is cancelled since 2026-11-21T07:11:00Z"):
        cancel(world)
    # And another may be asked for.
    assert asking.ask(Book(world, TABLE), SHOP, "bob", world.now, "2").status == "asked"


def test_its_query_is_stopped_and_nobody_is_told() -> None:
    world = wanted(states=["Running"])
    world.desk(SHOP, seconds=5.0).work()
    assert recorded(world).status == "running"
    ended = cancel(world)
    [query] = world.queries.values()
    assert query.stopped
    query.states = ["Cancelled"]
    world.tick(SHOP)
    assert (recorded(world), world.sent) == (ended, [])


def test_a_query_of_which_whoever_cancelled_did_not_know_is_stopped() -> None:
    world = wanted()

    def meet(when: str, call: str) -> None:
        if (when, call) == ("after", "logs:start_query"):
            world.meet = lambda _when, _call: None
            assert cancel(world).query == ""

    world.meet = meet
    world.tick(SHOP)
    [query] = world.queries.values()
    assert (query.stopped, recorded(world).status, world.sent) == (True, "cancelled", [])


def test_whoever_cancels_while_it_is_written_sees_it_as_it_is() -> None:
    world = wanted(states=["Running"])

    def meet(when: str, call: str) -> None:
        if (when, call) == ("after", "dynamodb:get_item"):
            world.meet = lambda _when, _call: None
            world.desk(SHOP, seconds=3.0).work()

    world.meet = meet
    assert cancel(world).query
    assert [one.stopped for one in world.queries.values()] == [True]


@pytest.mark.parametrize("status", ["done", "failing", "told"])
def test_there_is_nothing_to_cancel_of_what_is_as_good_as_over(status: Any) -> None:
    world = wanted()
    Book(world, TABLE).move(replace(recorded(world), status=status), world.now + 9e6)
    with pytest.raises(asking.Over, match=f"the last one is {status} since"):
        cancel(world)
    assert recorded(world).status == status


def test_nobody_has_asked_for_one() -> None:
    with pytest.raises(asking.Over, match="nobody has asked for a run of shop-errors"):
        cancel(begun(World()))


def test_a_query_that_cannot_be_stopped_is_said() -> None:
    world = wanted(states=["Running"])
    world.desk(SHOP, seconds=5.0).work()

    def meet(when: str, call: str) -> None:
        if call == "logs:stop_query":
            raise AwsError("logs:StopQuery", "AccessDeniedException", "no")

    world.meet = meet
    with pytest.raises(ParapetError, match=r"is cancelled, but its query reads on: .*; cancel it once more"):
        cancel(world)
    assert recorded(world).status == "cancelled"
    stopped_once_more(world)


def stopped_once_more(world: World) -> None:
    """Whoever cancels once more stops the query that the first one did not; a third has nothing to do."""
    world.meet = lambda _when, _call: None
    [query] = world.queries.values()
    assert not query.stopped
    assert (cancel(world), query.stopped) == (recorded(world), True)
    with pytest.raises(asking.Over, match="the last one is cancelled since"):
        cancel(world)


def test_whoever_cancels_and_dies_leaves_a_query_that_can_still_be_stopped() -> None:
    world = wanted(states=["Running"])
    world.desk(SHOP, seconds=5.0).work()

    def meet(when: str, call: str) -> None:
        if (when, call) == ("before", "logs:stop_query"):
            raise Died

    world.meet = meet
    with pytest.raises(Died):
        cancel(world)
    assert recorded(world).status == "cancelled"
    stopped_once_more(world)
    world.tick(SHOP)
    assert world.sent == []
