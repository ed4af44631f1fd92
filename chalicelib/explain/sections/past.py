"""When something like this was explained before, and what it was then."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.explain.gathering import Look
from chalicelib.explain.kept import MATTER, Kept, Past, matters
from chalicelib.explain.subject import Desk, Subject
from chalicelib.notices.compose import moment
from chalicelib.times import iso


def look(desk: Desk, subject: Subject) -> Look[tuple[Past, ...]]:
    """Return what came out before, the latest first, of which what is near may be the same; raises AwsError."""
    found = tuple(Kept(desk.reach(""), desk.table).past(subject.about, subject.at))
    before = long_before(found, subject, subject.at)
    last = f"explained {often(before)}: {before[0].answer}" if before else "never before"
    data = [{"at": iso(one.at), "answer": one.answer, "id": one.id} for one in before[:5]]
    return Look(found, last, data, ({"kind": "journal", "ref": f"EXPLAINED#{subject.about}"},), 1)


def long_before(several: Sequence[Past], subject: Subject, began: float) -> tuple[Past, ...]:
    """Return what is another matter than what is asked about, which began at a time: one of each."""
    return matters([one for one in several if one.at < min(began, subject.at - MATTER)])


def often(several: Sequence[Past]) -> str:
    """Return how often something was: `once before, on 2026-11-20 14:02 UTC`."""
    times = "once before," if len(several) == 1 else f"{len(several)} times before, last"
    return f"{times} on {moment(several[0].at)}"
