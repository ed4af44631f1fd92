"""Where nodes stand: by hand, and whatever calls there are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tracing.layout import crossings, lay

NAMES = st.integers(0, 14).map(lambda number: f"n{number}")


@st.composite
def maps(draw: Any) -> tuple[list[str], list[tuple[str, str]]]:
    nodes = draw(st.lists(NAMES, unique=True, max_size=15))
    # Calls of what is not on the map, too.
    return nodes, draw(st.lists(st.tuples(NAMES, NAMES), max_size=30))


def test_a_chain_is_a_row() -> None:
    found = lay(["c", "a", "b"], [("a", "b"), ("b", "c")])
    assert found.places == {"a": (0, 0), "b": (1, 0), "c": (2, 0)}
    assert (found.rows, found.bends) == ((1, 1, 1), {})


def test_the_longest_way_counts_and_a_long_call_has_bends() -> None:
    found = lay(
        ["client", "api", "worker", "db"], [("client", "api"), ("api", "worker"), ("worker", "db"), ("api", "db")]
    )
    assert {name: place[0] for name, place in found.places.items()} == {"client": 0, "api": 1, "worker": 2, "db": 3}
    assert found.rows == (1, 1, 2, 1)
    assert list(found.bends) == [("api", "db")]
    assert {found.places["worker"][1], *found.bends["api", "db"]} == {0, 1}


def test_what_goes_round_is_drawn_all_the_same() -> None:
    found = lay(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert {name: place[0] for name, place in found.places.items()} == {"a": 0, "b": 1, "c": 2}
    assert len(found.bends["c", "a"]) == 1
    # Two that only call each other.
    assert {place[0] for place in lay(["a", "b"], [("a", "b"), ("b", "a")]).places.values()} == {0, 1}


def test_crossings_are_counted_and_avoided() -> None:
    links = [("a", "y"), ("b", "x"), ("a", "x")]
    assert crossings([["a", "b"], ["x", "y"]], links) == 1
    assert crossings([["a", "b"], ["y", "x"]], links) == 0
    # As listed every call would cross every other.
    nodes = [*"abcdef", *"uvwxyz"]
    found = lay(nodes, list(zip("abcdef", "zyxwvu", strict=True)))
    pairs = [(found.places[one][1], found.places[other][1]) for one, other in zip("abcdef", "zyxwvu", strict=True)]
    assert all(one == other for one, other in pairs)


def test_nothing_is_an_empty_picture() -> None:
    found = lay([], [("a", "b")])
    assert (found.places, found.bends, found.rows) == ({}, {}, ())


@given(maps())
def test_no_two_stand_in_one_place_and_every_call_goes_on(drawn: tuple[list[str], list[tuple[str, str]]]) -> None:
    nodes, calls = drawn
    found = lay(nodes, calls)
    assert list(found.places) == nodes
    known = {pair for pair in calls if pair[0] != pair[1] and set(pair) <= set(nodes)}
    taken = list(found.places.values())
    for (caller, callee), rows in found.bends.items():
        assert (caller, callee) in known
        first = min(found.places[caller][0], found.places[callee][0])
        taken += [(first + 1 + number, row) for number, row in enumerate(rows)]
    # Nodes and bends fill each layer's rows, none twice.
    assert len(set(taken)) == len(taken)
    assert sorted(taken) == [(layer, row) for layer, many in enumerate(found.rows) for row in range(many)]
    for caller, callee in known:
        one, other = found.places[caller][0], found.places[callee][0]
        assert one != other
        assert len(found.bends.get((caller, callee), ())) == abs(one - other) - 1
    # The same is drawn the same.
    assert lay(nodes, calls) == found


@given(maps())
def test_callers_stand_before_whom_they_call_unless_it_goes_round(drawn: Any) -> None:
    nodes, calls = drawn
    ahead = [(one, other) for one, other in calls if nodes.index(one) < nodes.index(other)] if _known(drawn) else []
    found = lay(nodes, ahead)
    for caller, callee in ahead:
        assert found.places[caller][0] < found.places[callee][0]


def _known(drawn: tuple[list[str], list[tuple[str, str]]]) -> bool:
    nodes, calls = drawn
    return all(set(pair) <= set(nodes) for pair in calls)
