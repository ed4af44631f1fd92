"""What was explained before: each matter once, and how often that is told."""

from __future__ import annotations

from chalicelib.explain.kept import Past, matters
from chalicelib.explain.sections import past
from chalicelib.explain.subject import Subject

AT = 1_795_000_020.0


def one(ago: float, same: str = "change:UpdateService:shop-web") -> Past:
    return Past(AT - ago, f"shop failed {ago:.0f} s ago", "a change", same, f"e-{ago:.0f}")


def test_what_was_asked_about_twice_happened_once() -> None:
    late, again, other, earlier = one(0), one(120), one(180, "traffic:up"), one(7200)
    assert matters([late, again, other, earlier]) == (late, other, earlier)


def test_how_often_it_was_is_told_as_people_say_it() -> None:
    assert past.often([one(0)]) == "once before, on 2026-11-18 11:07 UTC"
    assert past.often([one(0), one(7200)]) == "2 times before, last on 2026-11-18 11:07 UTC"


def test_what_was_explained_within_the_hour_may_be_the_same_matter_and_is_no_time_before() -> None:
    near, far = one(1800, "traffic:up"), one(3700)
    subject = Subject("service", "shop", AT, AT)
    assert past.long_before([near, far], subject, AT) == (far,)
    assert past.long_before([near, far], subject, AT - 3800) == (), "what was asked about since it began"
