"""When something like this was explained before, and what it was then."""

from __future__ import annotations

from chalicelib.explain.gathering import Look
from chalicelib.explain.kept import Kept, Past
from chalicelib.explain.subject import Desk, Subject
from chalicelib.times import iso

# What is so near is the same matter (seconds).
SAME = 3600.0


def look(desk: Desk, subject: Subject) -> Look[tuple[Past, ...]]:
    """Return what came out before, the latest first; raises AwsError."""
    found = tuple(Kept(desk.reach(""), desk.table).past(subject.about, subject.at - SAME))
    last = (
        f"explained {len(found)} times before, last {iso(found[0].at)}: {found[0].answer}" if found else "never before"
    )
    data = [{"at": iso(one.at), "answer": one.answer, "id": one.id} for one in found[:5]]
    return Look(found, last, data, ({"kind": "journal", "ref": f"EXPLAINED#{subject.about}"},), 1)
