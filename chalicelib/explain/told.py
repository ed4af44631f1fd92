"""An explanation as lines for people: the answer, whom to suspect and why, what could not be looked at; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.explain.explained import Explained
from chalicelib.explain.kept import Past
from chalicelib.explain.model import Suspect
from chalicelib.notices.compose import clip

SUSPECTS, REASONS = 3, 3


def lines(told: Explained) -> tuple[str, ...]:
    """Return the lines."""
    found = [
        told.answer,
        *(line for number, one in enumerate(told.suspects[:SUSPECTS], 1) for line in _of(number, one)),
    ]
    if told.symptom and told.symptom.who:
        found.append(f"{told.symptom.who:,.0f} requests have failed since.")
    if told.revert and told.revert.command:
        found.append(f"To take it back ({told.revert.what}), people are asked by: {told.revert.command}")
    missing = [f"{one.id}: {one.reason}" for one in told.fates if one.look is None]
    if missing:
        found.append(f"Not looked at: {'; '.join(missing)}")
    if not told.done:
        found.append("This is what was seen first; traces and error lines follow.")
    return tuple(map(clip, found))


def past(told: Explained) -> Past | None:
    """Return what is remembered of it for the next time; None where there is nothing to remember."""
    if not (told.symptom and told.suspects):
        return None
    first = told.suspects[0]
    changes = {one.change: one.at for one in told.suspects if one.kind == "change"}
    return Past(told.symptom.onset.at, told.answer, first.title, first.same, told.subject.id, changes)


def _of(number: int, one: Suspect) -> Iterator[str]:
    yield f"{number}. {one.title} ({one.score * 100:.0f} %): {_joined(one.evidence)}"
    if one.against:
        yield f"    against it: {_joined(one.against)}"


def _joined(several: Sequence[str]) -> str:
    return "; ".join(several[:REASONS])
