"""The ledger's book: found by time, resource, actor, action and service, page by page, each event once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.ledger.book import CALL, KEPT, Book, Wanted
from chalicelib.ledger.model import Change
from chalicelib.model import DAY, AwsError, ParapetError
from tests.ledger.shelf import AT, NAME, Shelf, change


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def book(shelf: Shelf) -> Book:
    return Book(shelf, NAME)


def paged(book: Book, since: float, until: float, limit: int, **about: Any) -> Iterator[Change]:
    """Everything, page by page."""
    after: str | None = None
    for _ in range(10_000):
        page = book.between(since, until, limit=limit, after=after, **about)
        assert len(page.changes) <= limit
        yield from page.changes
        if page.after is None:
            return
        assert Book.marks(page.after)
        after = page.after
    raise AssertionError("the pages do not end")


def test_a_change_comes_back_as_it_was(book: Book) -> None:
    whole = change(
        services=("shop",), resources=("shop-logs", "arn:aws:s3:::shop-logs"), error="AccessDenied", at=AT + 0.5
    )
    empty = change("e-2", actor="", role="", ip="", what="", resources=(), writes=False)
    assert book.write([whole, empty]) == {}
    assert book.between(AT, AT + 1).changes == (whole, empty)


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({}, ["e-3", "e-2", "e-1"]),
        ({"resource": "shop-logs"}, ["e-1"]),
        ({"resource": "arn:aws:s3:::Shop-Logs"}, ["e-1"]),
        ({"resource": "pay"}, ["e-2"]),
        ({"resource": "arn:aws:lambda:eu-west-1:123456789012:function:pay:live"}, ["e-2"]),
        ({"actor": "BOB"}, ["e-3", "e-2"]),
        ({"service": "shop"}, ["e-3", "e-2"]),
        ({"action": "deletebucket"}, ["e-1"]),
        ({"q": "198.51.100.9"}, ["e-3"]),
        ({"actor": "bob", "action": "UpdateService"}, ["e-3"]),
        ({"actor": "bob", "q": "pay"}, ["e-2"]),
        ({"resource": "shop-logs", "actor": "bob"}, []),
        ({"actor": "carol"}, []),
    ],
)
def test_found_by_what_is_asked(book: Book, about: dict[str, str], found: list[str]) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:pay"
    function = change(
        "e-2", AT + 60, action="UpdateFunctionCode", actor="bob", resources=("pay", arn), services=("shop",)
    )
    service = change(
        "e-3", AT + 120, action="UpdateService", actor="bob", resources=("web",), services=("shop",), ip="198.51.100.9"
    )
    book.write([change(), function, service])
    assert [one.id for one in book.between(AT - 1, AT + 3600, **about).changes] == found  # type: ignore[arg-type]


def test_the_same_event_twice_is_one_change(book: Book, shelf: Shelf) -> None:
    book.write([change(), change()])
    before = sum(map(len, shelf.items.values()))
    book.write([change()])
    assert sum(map(len, shelf.items.values())) == before == 5
    assert len(book.between(AT, AT).changes) == 1


def test_every_item_goes_after_ninety_days(book: Book, shelf: Shelf) -> None:
    book.write([change(services=("shop",))])
    expiries = {int(item["expires"]["N"]) for items in shelf.items.values() for item in items.values()}
    assert expiries == {int(AT + KEPT)}
    assert KEPT == 90 * DAY


def test_what_dynamodb_does_not_take_is_given_to_it_again_and_then_named(book: Book, shelf: Shelf) -> None:
    pauses = list[float]()
    shelf.refuses = [4, 2, 1]
    assert book.write([change()], sleep=pauses.append) == {}
    assert len(book.between(AT, AT, resource="shop-logs").changes) == 1
    # Not at once: whoever is throttled needs a moment, and each time a longer one.
    assert pauses == [0.0, 0.1, 0.3, 1.0]
    shelf.refuses = [25] * 5
    found = book.write([change("e-2"), change("e-3")], sleep=pauses.append)
    assert found == dict.fromkeys(("e-2", "e-3"), "DynamoDB did not take all of it")
    assert pauses[4:] == [0.0, 0.1, 0.3, 1.0, 3.0]


def test_it_is_not_tried_for_longer_than_there_is_time(book: Book, shelf: Shelf) -> None:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds + 1

    shelf.refuses = [0, *[25] * 20]
    some = [change(f"e-{number}") for number in range(20)]
    # Of thirty seconds, enough is kept for a call that hangs.
    found = book.write(some, left=lambda: 30 - clock[0], sleep=sleep)
    assert len(shelf.calls) == 8
    assert clock[0] < 30 - CALL + 1
    kept = {one.id for one in book.between(AT, AT).changes}
    assert {"DynamoDB did not take all of it", "there was no time left"} == set(found.values())
    # What is named goes back to the queue; whatever is not, is there in full.
    for one in some:
        assert one.id in found or one.id in kept
    assert book.write(some, left=lambda: 0.0) == {one.id: "there was no time left" for one in some}
    shelf.refuses = []
    assert book.write(some) == {}
    assert len(book.between(AT, AT, limit=50).changes) == 20


@pytest.mark.parametrize("code", ["ValidationException", "SerializationException"])
def test_one_that_dynamodb_refuses_does_not_spoil_the_others(book: Book, shelf: Shelf, code: str) -> None:
    shelf.refused = ("e-7", code)
    some = [change(f"e-{number}") for number in range(10)]
    assert book.write(some) == {"e-7": f"dynamodb:batch_write_item answered {code}: no"}
    assert {one.id for one in book.between(AT, AT).changes} == {one.id for one in some} - {"e-7"}


def test_what_is_throttled_as_a_whole_is_tried_again(book: Book, shelf: Shelf) -> None:
    pauses = list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        shelf.down = "" if seconds >= 0.3 else "ProvisionedThroughputExceededException"

    assert book.write([change()], sleep=sleep) == {}
    assert pauses == [0.0, 0.1, 0.3]
    shelf.down = "AccessDeniedException"
    with pytest.raises(AwsError, match="AccessDenied"):
        book.write([change()])


def test_an_error_of_the_table_is_one_of_ours(book: Book, shelf: Shelf) -> None:
    shelf.down = "ThrottlingException"
    with pytest.raises(AwsError, match="dynamodb:query"):
        book.between(AT, AT)
    shelf.down = "ResourceNotFoundException"
    with pytest.raises(ParapetError, match="the change ledger's table parapet-test-ledger does not exist in eu-west-1"):
        book.between(AT, AT)
    with pytest.raises(ParapetError, match="PARAPET_LEDGER is not set"):
        Book(shelf, "")


def test_the_beginning_is_noted_once(book: Book) -> None:
    assert book.began() is None
    book.begin(AT)
    book.begin(AT + 60)
    assert book.began() == AT


def test_days_without_changes_are_passed_over(book: Book) -> None:
    book.write([change("e-1", AT - 40 * DAY), change("e-2", AT)])
    assert [one.id for one in book.between(AT - 41 * DAY, AT).changes] == ["e-2", "e-1"]
    assert [one.id for one in book.between(AT - 39 * DAY, AT).changes] == ["e-2"]


@pytest.mark.parametrize("after", ["", "x", "1795000000.000#", "1795000000.000#a b", "9" * 400, "1795000000"])
def test_refuses_a_mark_that_no_page_had(book: Book, after: str) -> None:
    assert not Book.marks(after)
    with pytest.raises(ParapetError, match="not what an answer had there"):
        book.between(AT, AT, after=after)


WHEN = st.integers(0, 4 * 86400).map(lambda second: AT - second)
CHANGES = st.lists(
    st.builds(
        lambda at, actor, action, name, service: (at, actor, action, name, service),
        WHEN, st.sampled_from(["ada", "bob", ""]), st.sampled_from(["A", "B"]), st.sampled_from(["x", "y", "z"]),
        st.sampled_from(["shop", "pay", ""]),
    ),
    max_size=25,
)  # fmt: skip
ABOUT = st.fixed_dictionaries(
    {},
    optional={
        "actor": st.sampled_from(["ada", "bob"]), "action": st.sampled_from(["A", "b"]),
        "resource": st.sampled_from(["x", "y"]), "service": st.sampled_from(["shop"]),
        "q": st.sampled_from(["z", "ada"]),
    },
)  # fmt: skip


@given(CHANGES, ABOUT, WHEN, WHEN, st.integers(1, 4))
@settings(max_examples=150, deadline=None, database=None)
def test_pages_tell_all_that_fits_once_and_in_order(
    raw: list[tuple[float, str, str, str, str]], about: dict[str, str], one: float, other: float, limit: int
) -> None:
    changes = [
        change(f"e-{number}", at, actor=actor, action=action, resources=(name,), services=(service,) if service else ())
        for number, (at, actor, action, name, service) in enumerate(raw)
    ]
    book, (since, until) = Book(Shelf(), NAME), sorted((one, other))
    book.write(changes)
    fits = Wanted(since, until, **about).fits
    wanted = sorted((each for each in changes if fits(each)), key=lambda each: (each.at, each.id), reverse=True)
    assert list(paged(book, since, until, limit, **about)) == wanted


def test_a_storm_of_five_thousand_changes(book: Book, shelf: Shelf) -> None:
    storm = [change(f"e-{n}", AT + n / 50, actor=f"ci-{n % 7}", resources=(f"queue-{n % 50}",)) for n in range(5000)]
    began = time.process_time()
    for start in range(0, len(storm), 10):
        assert book.write(storm[start : start + 10]) == {}
    written = time.process_time() - began
    page = book.between(AT - 90 * DAY, AT + 3600, limit=50)
    rare = book.between(AT - DAY, AT + 3600, actor="ci-3", q="queue-9", limit=50)
    assert [one.id for one in page.changes] == [f"e-{n}" for n in range(4999, 4949, -1)]
    assert [one.id for one in rare.changes] == [f"e-{n}" for n in range(4999, -1, -1) if (n % 7, n % 50) == (3, 9)]
    # No key has more than a thousand of them in a second, which is what a partition takes.
    assert max(map(len, shelf.items.values())) == 5000
    assert written < 10
    assert time.process_time() - began - written < 1
    reads = [operation for _, operation in shelf.calls if operation == "query"]
    assert len(reads) < 30
