"""The map as programs and people get it, and remembered for a while."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.tracing import shown
from chalicelib.tracing.graph import Map, Stats
from chalicelib.tracing.maps import Maps
from tests.tracing.playing import NOW, Account, chain
from tests.tracing.test_graph import made

EMPTY = Map(0.0, 900.0, "eu-west-1")


def test_the_worst_comes_first_and_is_compared() -> None:
    before = made(("client", "shop", 1000, 1), ("shop", "db", 1000, 1))
    now = made(
        ("client", "shop", 300, 90), ("shop", "db", 290, 88), ("shop", "pay", 60, 0), ("client", "mail", 9, 0),
        nodes={"shop": ("shop",), "mail": ("mail",)},
    )  # fmt: skip
    told: dict[str, Any] = shown.document(now, before, "shop")
    assert [(one["caller"], one["callee"], one["status"]) for one in told["edges"]] == [
        ("shop", "db", "red"), ("client", "shop", "red"), ("shop", "pay", "green"),
    ]  # fmt: skip
    first = told["edges"][0]
    assert (first["requests"], first["faults"], first["fault_share"], first["more_faults"]) == (290, 88, 0.303448, 87.7)
    assert (first["rate"], first["average"], first["p95"]) == (0.3222, 0.1, None)
    assert first["before"] == {"requests": 1000, "fault_share": 0.001, "p95": None}
    assert told["edges"][2]["before"] is None
    assert told["edges"][2]["more_faults"] is None
    assert [(one["id"], one["layer"], one["row"]) for one in told["nodes"]] == [
        ("client", 0, 0), ("shop", 1, 0), ("db", 2, 0), ("pay", 2, 1),
    ]  # fmt: skip
    assert (told["rows"], told["service"], told["status"], told["why"]) == ([1, 1, 2], "shop", "ok", None)
    assert (told["since"], told["until"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:15:00Z")
    assert told["answer"] == (
        "Most of what fails begins where shop calls db: 30 % of 290 sampled calls fail, 0.1 % in the hour before."
    )
    assert "one a second and 5 %" in told["estimate"]
    # Of what fails in shop only two began there.
    assert [(one["more_faults"], one["begun_here"]) for one in told["edges"]] == [
        (87.7, 87.7),
        (89.7, 2.0),
        (None, None),
    ]


def test_what_else_fails_is_told_too() -> None:
    now = made(("client", "shop", 300, 90), ("client", "mail", 300, 30))
    assert shown.sentence(now, EMPTY) == (
        "Most of what fails begins where shop is called from outside: 30 % of 300 sampled calls fail, not called "
        "before; also mail is called from outside: 10 % of 300 sampled calls fail, not called before."
    )


def test_what_failed_before_as_well_is_told_to_do_so() -> None:
    both = made(("shop", "db", 300, 90))
    assert shown.sentence(both, both) == (
        "Nothing fails more than in the hour before, but shop calls db: 30 % of 300 sampled calls fail."
    )


def test_what_is_new_is_told_to_be() -> None:
    assert shown.sentence(made(("shop", "db", 300, 90)), EMPTY).endswith("fail, not called before.")


def test_what_is_slower_is_told() -> None:
    usual = made(("client", "shop", 300, 0), ("shop", "pay", 100, 0))
    fast, slow = (Stats(100, seconds=10, times=((seconds, 100),)) for seconds in (0.2, 1.25))
    one = usual.edges[1]
    before, now = (replace(usual, edges=(usual.edges[0], replace(one, stats=stats))) for stats in (fast, slow))
    assert shown.sentence(now, before) == (
        "Nothing fails more than in the hour before, but shop calls pay: 95 % took 1.2 s at most, 200 ms before."
    )
    assert [one["slower"] for one in shown.document(now, before)["edges"]] == [False, True]


@pytest.mark.parametrize(("bad", "share"), [(0, "0 %"), (1, "under 0.1 %"), (2, "0.2 %"), (25, "2.0 %")])
def test_where_nothing_hurts_it_says_so(bad: int, share: str) -> None:
    now = made(("client", "shop", 1254, bad), ("shop", "db", 9, 0))
    assert shown.sentence(now, now if bad < 20 else made(("client", "shop", 10, 9))).endswith(
        f"{share} of 1,254 sampled calls failed." if bad < 20 else "."
    )


def test_a_service_of_which_nothing_is_told_is_named() -> None:
    now = made(("client", "shop", 300, 0))
    told = shown.document(now, now, "mail")
    assert (told["status"], told["nodes"]) == ("no_data", [])
    assert told["why"].startswith("none of what X-Ray tells of is known to be mail's: ")
    assert told["answer"] == f"Nothing is known: {told['why']}."


def test_without_traces_it_asks_whether_tracing_is_on() -> None:
    told = shown.document(EMPTY, EMPTY)
    assert (told["status"], told["nodes"], told["edges"], told["rows"]) == ("no_data", [], [], [])
    assert "tracing is off" in told["why"]
    assert told["answer"] == f"Nothing is known: {told['why']}."


@pytest.mark.parametrize(
    ("kind", "word"),
    [("AWS::Lambda::Function", "function"), ("Database::SQL", "database"), ("remote", "another's service"),
     ("client", "who calls from outside"), ("AWS::Other::Thing", "AWS::Other::Thing"), ("", "service")],
)  # fmt: skip
def test_types_are_words(kind: str, word: str) -> None:
    assert shown.word(kind) == word


def test_a_map_does_for_half_a_minute_and_its_past_for_five() -> None:
    account = Account()
    account.put(chain(1), chain(2, start=-1200))
    maps = Maps(lambda region: replace(account, region=region) if region else account)
    end = NOW + 60
    both = maps.look("", end - 900, end)
    assert both.calls == 2
    assert (both.now.start, both.now.end) == (end - 900, end)
    # Whole five minutes, before any of what is compared with it.
    assert both.before.end <= both.now.start
    assert both.now.start - both.before.end < 300
    assert both.before.seconds == 3600
    assert [one.stats.requests for one in both.now.edges] == [1, 1, 1]
    assert [one.stats.requests for one in both.before.edges] == [1, 1, 1]
    assert maps.look("", end + 29 - 900, end + 29).calls == 0
    later = maps.look("", end + 30 - 900, end + 30)
    assert later.calls == 1
    assert later.before is both.before
    assert maps.look("eu-central-1", end - 900, end).calls == 2
    assert maps.look("", end, end + 1).now.seconds == 30


@pytest.mark.parametrize(("calls", "said"), [(1, "0 % of 1 sampled call"), (2, "0 % of 2 sampled calls")])
def test_one_is_no_several(calls: int, said: str) -> None:
    assert shown.failed(Stats(calls)) == said
