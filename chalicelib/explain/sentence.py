"""One plain sentence on top: what is wrong, since when, and what most likely brought it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib.explain.model import Suspect, Symptom
from chalicelib.explain.suspects import NEW, when
from chalicelib.model import DAY
from chalicelib.notices.compose import duration

# The second suspect is mentioned when it is nearly as likely as the first.
NEAR = 0.85
# Suspects that are told with a verb: `orders-db fails`, `the database shop-db has no connection left`.
CLAUSES = frozenset({"edge", "dependency"})


def answer(
    who: str,
    symptom: Symptom | None,
    suspects: Sequence[Suspect],
    at: float,
    blind: Sequence[str] = (),
    now: float | None = None,
    failing: float = 0.0,
) -> str:
    """Return the sentence.

    Args:
        who: the service or alarm.
        symptom: what is wrong.
        suspects: the likeliest first.
        at: the moment that was asked about.
        blind: what could not be looked at, by its name.
        now: when it is asked: of another day than that, its date is said.
        failing: which share of its requests fails, though nobody can tell since when.
    """
    if symptom is None or not symptom.onset:
        without = {"signals": "its signals", "alarm": "what the alarm watches"}
        if eyes := next((said for id_, said in without.items() if id_ in blind), ""):
            return f"Whether anything is wrong with {who} around {_clock(at, now)} UTC is not known without {eyes}."
        unseen = f", as far as can be told without {_listed(blind)}" if blind else ""
        if failing:
            fails = f"{value(failing, 'share')} of the requests of {who} fail around {_clock(at, now)} UTC"
            return f"{fails}; since when is not to be seen in the hours before{unseen}."
        return f"Nothing unusual is seen of {who} around {_clock(at, now)} UTC{unseen}."
    told = _told(who, symptom, now)
    if not suspects:
        unseen = f"; {_listed(blind)} could not be looked at" if blind else ""
        return f"{told}; nothing that was looked at explains it{unseen}."
    causes = [one for one in suspects if not one.shows]
    told += _new(suspects)
    if not causes:
        return f"{told}; nothing else that was looked at explains it."
    first, *others = causes
    sure = "most likely" if first.score >= 0.7 else "perhaps"
    told += f"; {sure} because {_cause(first)}{_since(first, symptom, now)}"
    if others and others[0].score >= NEAR * first.score:
        told += f", or {_cause(others[0])}"
    return f"{told}."


def so_far(
    who: str, symptom: Symptom | None, suspects: Sequence[Suspect], pending: Sequence[str], now: float | None = None
) -> str:
    """Return the sentence while some sections are not there yet: nothing in it follows from their silence."""
    if symptom is None or not symptom.onset:
        return f"{who} is being looked at."
    told = _told(who, symptom, now) + _new(suspects)
    first = next((one for one in suspects if not one.shows), None)
    told += f"; so far suspected: {first.title}{_since(first, symptom, now)}" if first else ""
    many = "is" if len(pending) == 1 else "are"
    return f"{told}; {_listed(pending)} {many} still being looked at." if pending else f"{told}."


def _told(who: str, symptom: Symptom, now: float | None) -> str:
    """Return what is wrong since when, and for how long where it is over."""
    told = f"{wrong(who, symptom)} since {_clock(symptom.onset.at, now)} UTC"
    over = symptom.onset.until
    return told if over is None else f"{told} for {duration(over - symptom.onset.at)}"


def _new(suspects: Sequence[Suspect]) -> str:
    # Error lines say what happens: when the first was written tells nobody more.
    first = suspects[0] if suspects else None
    return f"; new with it: {first.title.removeprefix(f'{NEW}: ')}" if first and first.kind == "errors" else ""


def _cause(one: Suspect) -> str:
    return one.title if one.kind in CLAUSES else f"of {one.title}"


def _since(one: Suspect, symptom: Symptom, now: float | None) -> str:
    """Return when a cause was: of what lasts, since when; of what fails because it began then, nothing more."""
    if one.kind == "region":
        # AWS tells of its trouble when it knows, which may be after it began.
        return f", of which AWS tells since {_clock(one.at, now)} UTC" if one.change else ""
    if one.kind == "edge":
        return ""
    return f", since {_clock(one.at, now)} UTC" if one.kind == "dependency" else f", {when(one.at, symptom.onset.at)}"


def wrong(who: str, symptom: Symptom) -> str:
    """Return what is wrong, without its time: `shop fails 34 % of its requests (usually 0.1 %)`."""
    onset = symptom.onset
    usual, found = value(onset.before, symptom.unit), value(onset.after, symptom.unit)
    creeps = ", and it creeps up" if onset.up else ", and it creeps down"
    shape = {"ramp": creeps, "flap": ", on and off"}.get(onset.shape, "")
    if symptom.sign == "errors":
        return f"{who} fails {found} of its requests (usually {usual}){shape}"
    if symptom.sign == "silence":
        return f"{who} gets no requests any more (usually {usual} a minute)"
    if symptom.sign == "traffic":
        return f"{who} gets {found} requests a minute (usually {usual}){shape}"
    if symptom.sign == "latency":
        return f"{symptom.label} of {who} is {found} (usually {usual}){shape}"
    return f"{symptom.label} of {who} is {found} (before: {usual}){shape}"


def value(number: float, unit: str) -> str:
    """Return a number with its unit as people say it."""
    if unit == "share":
        return (
            f"{number * 100:.0f} %" if number >= 0.1 or number == 0 else f"{number * 100:.1f} %".replace(".0 %", " %")
        )
    if unit == "seconds":
        if abs(number) >= 120:
            return duration(number)
        return f"{number * 1000:.0f} ms" if abs(number) < 1 else f"{number:.1f} s".replace(".0 s", " s")
    said = f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"
    return f"{said} {unit}" if unit not in ("", "count", "None") else said


def confidence(symptom: Symptom | None, suspects: Sequence[Suspect]) -> float:
    """Return how sure the answer is, from 0 to 1: of the onset, and that the first suspect and no other did it."""
    if symptom is None or not symptom.onset:
        return 0.0
    if not suspects:
        return round(symptom.onset.confidence * 0.3, 2)
    first, second = suspects[0].score, suspects[1].score if len(suspects) > 1 else 0.0
    return round(symptom.onset.confidence * first * first / (first + 0.5 * second), 2)


def _clock(at: float, now: float | None) -> str:
    day = now is not None and at // DAY != now // DAY
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M" if day else "%H:%M")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
