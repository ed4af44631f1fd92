"""The lines of a log group, page by page: what is asked for, when it ends, and that somebody hears of more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.insights import lines
from tests.samples import ACCOUNT, REGION


class Pages:
    """A log group of so many pages of one line each."""

    account, region = ACCOUNT, REGION

    def __init__(self, several: int) -> None:
        self.several, self.asked = several, list[Mapping[str, Any]]()

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        assert (service, operation) == ("logs", "filter_log_events")
        self.asked.append(params)
        number = int(params.get("nextToken", 0))
        more = {"nextToken": str(number + 1)} if number + 1 < self.several else {}
        return {"events": [{"message": f"line {number}"}], **more}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError("a page at a time, so that whoever reads can stop")


def read(group: Pages, most: int, *, newest: bool = False) -> list[tuple[str, bool]]:
    found = lines.pages(group, "/shop/web", "?ERROR", 1000.5, 1060, most, newest=newest)
    return [(page[0]["message"], more) for page, more in found]


def test_are_read_to_their_end() -> None:
    group = Pages(3)
    assert read(group, 5) == [("line 0", True), ("line 1", True), ("line 2", False)]
    first, second, _ = group.asked
    assert first == {
        "logGroupName": "/shop/web", "startTime": 1_000_500, "endTime": 1_060_000, "filterPattern": "?ERROR",
        "limit": lines.EVENTS,
    }  # fmt: skip
    assert second == {**first, "nextToken": "1"}


def test_are_read_so_far_at_most_and_more_is_told() -> None:
    group = Pages(3)
    assert read(group, 2) == [("line 0", True), ("line 1", True)]
    assert len(group.asked) == 2


def test_the_newest_may_come_first() -> None:
    group = Pages(2)
    read(group, 2, newest=True)
    assert [one["startFromHead"] for one in group.asked] == [False, False]


def test_no_page_is_read_before_somebody_wants_it() -> None:
    group = Pages(3)
    next(iter(lines.pages(group, "/shop/web", "?ERROR", 0, 60, 3)))
    assert len(group.asked) == 1
