"""From what somebody asks to the answer: what is looked at, in which order, and how it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from chalicelib import reverting
from chalicelib.explain import sentence, suspects
from chalicelib.explain.gathering import Fate, Look, Section, gather
from chalicelib.explain.kept import Past
from chalicelib.explain.model import Filled, Scene, Suspect, Symptom
from chalicelib.explain.sections import alarm, changes, edges, errors, ours, past, siblings, signals
from chalicelib.explain.sections.signals import Signals
from chalicelib.explain.subject import Desk, Subject, names
from chalicelib.journal import Journal
from chalicelib.reverting import Offer
from chalicelib.services import kinds
from chalicelib.services.model import Service
from chalicelib.times import iso

Depth = Literal["quick", "full"]
# How it stands: `partial` where something is missing that could have been the cause.
Status = Literal["looking", "ok", "partial", "no_data", "denied", "given_up"]
# As they are told.
ORDER = ("signals", "alarm", "changes", "errors", "traces", "alarms", "remediations", "past")
# What becomes of the one without which nobody knows whether anything is wrong, besides that it has nothing to tell.
UNSEEN = ("denied", "no_data")
# Seconds of the whole; of it, at most, of the first look (what began when) and of the second (what failed since),
# which has what the first leaves.
WHOLE: Mapping[Depth, float] = {"quick": 2.4, "full": 14.0}
FIRST: Mapping[Depth, float] = {"quick": 1.4, "full": 5.0}
THEN: Mapping[Depth, float] = {"quick": 1.8, "full": 8.0}
# So long after something began it can be seen (seconds).
SOON = 600.0
# What is left for whether a change can be taken back, at the least.
LEAST = 0.2


@dataclass(frozen=True, slots=True)
class Explained:
    """What came out.

    Args:
        subject: what was asked.
        depth: how thoroughly it was looked at.
        symptom: what is wrong.
        suspects: the likeliest first.
        answer: in a sentence.
        confidence: from 0 to 1.
        fates: what became of each section.
        past: the like of before.
        done: whether nothing more is to come; until then nothing is concluded from what is not there.
        revert: what is offered about the first suspect, where that is a change.
    """

    subject: Subject
    depth: Depth
    symptom: Symptom | None
    suspects: tuple[Suspect, ...]
    answer: str
    confidence: float
    fates: tuple[Fate, ...]
    past: tuple[Past, ...] = ()
    done: bool = True
    revert: Offer | None = None

    @classmethod
    def begun(cls, subject: Subject) -> Explained:
        """Return an explanation of which nothing is there yet."""
        return cls(subject, "full", None, (), sentence.so_far(subject.about, None, (), ()), 0.0, (), done=False)

    @property
    def status(self) -> Status:
        """Return how it stands."""
        if not self.done:
            return "looking"
        by = {one.id: one.status for one in self.fates}
        if not self.symptom and by.get("signals", by.get("alarm")) in UNSEEN:
            return "denied" if "denied" in by.values() else "no_data"
        return "ok" if all(one in ("ok", "no_data") for one in by.values()) else "partial"


def explain(
    desk: Desk,
    subject: Subject,
    depth: Depth = "quick",
    heard: Callable[[Explained], None] | None = None,
    patience: float = 1.0,
    begun: float | None = None,
) -> Explained:
    """Return what happened; a section that fails is named, and never fails the whole.

    Args:
        desk: where to look.
        subject: what is asked.
        depth: how thoroughly.
        heard: is told what is known so far, as sections arrive.
        patience: how many times as long as usual it may take.
        begun: since when whoever asks waits, on the monotonic clock; now without it.
    """
    fates: dict[str, Fate] = {}
    until = (time.monotonic() if begun is None else begun) + WHOLE[depth] * patience

    def left(most: float) -> float:
        return max(0.0, min(most * patience, until - LEAST * patience - time.monotonic()))

    def arrived(fate: Fate) -> None:
        fates[fate.id] = fate
        if heard:
            heard(concluded(desk, subject, depth, fates.values(), done=False))

    fates |= gather(_first(desk, subject, left(FIRST[depth])), arrived)
    looked = subject
    if (since := (_found(fates, "signals") or Signals()).since) is not None:
        # What began long before is explained where it began; the alarm stays what it is.
        looked = replace(subject, at=since + SOON)
        fates |= gather([one for one in _first(desk, looked, left(FIRST[depth])) if one.id != "alarm"], arrived)
    symptom = _symptom(fates, subject)
    if symptom and subject.service:
        onsets = symptom.onset.at, _failed_since(fates, symptom)
        fates |= gather(_then(desk, looked, subject.service, *onsets, depth, left(THEN[depth])), arrived)
    found = concluded(desk, subject, depth, fates.values(), done=True)
    return replace(found, revert=_offered(desk, found, max(LEAST * patience, until - time.monotonic())))


def _offered(desk: Desk, found: Explained, seconds: float) -> Offer | None:
    """Return what is offered about the first suspect that may be the cause; None where that is no change."""
    change = next((one.change for one in found.suspects if not one.shows), "")
    if not change:
        return None

    def offered() -> Look[Offer]:
        journal = Journal(desk.reach(""), desk.table)
        return Look(reverting.offer(desk.ledger(), journal, desk.reverts, change, found.subject.now), "")

    fate = gather([Section("revert", seconds, offered)])["revert"]
    return fate.look.found if fate.look else Offer(change, why=f"not known: {fate.reason}")


def _first(desk: Desk, subject: Subject, seconds: float) -> list[Section]:
    """Return what needs no onset."""
    service = subject.service
    return [
        *([Section("signals", seconds, partial(signals.look, desk, subject, service))] if service else ()),
        *([Section("alarm", seconds, partial(alarm.look, desk, subject))] if subject.alarm is not None else ()),
        Section("changes", seconds, partial(changes.look, desk, subject)),
        Section("alarms", seconds, partial(siblings.look, desk, subject)),
        Section("remediations", seconds, partial(ours.look, desk, subject)),
        Section("past", seconds, partial(past.look, desk, subject)),
    ]


def _then(
    desk: Desk, subject: Subject, service: Service, since: float, failed: float, depth: Depth, seconds: float
) -> list[Section]:
    """Return what compares the time since the onset with the time before; thoroughly, also what takes a query."""
    full = depth == "full"
    return [
        Section("errors", seconds, partial(errors.look, desk, subject, service, failed, seconds * 0.8, whole=full)),
        Section("traces", seconds, partial(edges.look, desk, subject, service, since, seconds * 0.8 if full else 0.0)),
    ]


def _symptom(fates: Mapping[str, Fate], subject: Subject) -> Symptom | None:
    """Return what is wrong: with the service, or else, once that has been looked at, what the alarm watches."""
    if subject.service and "signals" not in fates:
        return None
    found = _found(fates, "signals")
    if isinstance(found, Signals) and found.main:
        return found.main
    told = _found(fates, "alarm")
    return told if isinstance(told, Symptom) else None


def _failed_since(fates: Mapping[str, Fate], symptom: Symptom) -> float:
    """Return from when on error lines are to be expected: what is slow at first may fail a quarter of an hour later."""
    signs = (_found(fates, "signals") or Signals()).symptoms
    return next((one.onset.at for one in signs if one.sign == "errors"), symptom.onset.at)


def _found(fates: Mapping[str, Fate], id_: str) -> Any:
    fate = fates.get(id_)
    return fate.look.found if fate and fate.look else None


def scene(desk: Desk, subject: Subject, fates: Mapping[str, Fate]) -> Scene:
    """Return all that was found, for the ranking; pure."""
    found = _found(fates, "signals") or Signals()
    also = _found(fates, "alarms") or ()
    unseen = _unseen(fates, subject)
    aws = desk.reach(subject.region)
    return Scene(
        subject.service.name if subject.service else "",
        aws.account,
        aws.region,
        _symptom(fates, subject),
        names(subject.service) if subject.service else frozenset(),
        found.traffic,
        _found(fates, "changes") or (),
        tuple(
            one if "alarms" in unseen else _shared(one, desk, subject, {each.service for each in also})
            for one in found.filled
        ),
        _found(fates, "traces") or (),
        _found(fates, "errors") or (),
        also,
        _found(fates, "remediations") or (),
        subject.service.entry.kind if subject.service else "",
        unseen,
        _found(fates, "past") or (),
    )


def _expected(subject: Subject) -> tuple[str, ...]:
    """Return the sections that there are, or may be, of what is asked."""
    no_service = () if subject.service else ("signals", "errors", "traces")
    no_alarm = () if subject.alarm is not None else ("alarm",)
    return tuple(one for one in ORDER if one not in (*no_service, *no_alarm))


def _unseen(fates: Mapping[str, Fate], subject: Subject) -> frozenset[str]:
    """Return the sections that are not there, or not whole: what they do not show may be there all the same."""
    whole = {one.id for one in fates.values() if one.status == "ok"}
    return frozenset(_expected(subject)) - whole


def _shared(one: Filled, desk: Desk, subject: Subject, ill: set[str]) -> Filled:
    """Return what is full, with who else stands on it and how they are: no alarm of theirs went off."""
    own = subject.service
    if own is None:
        return one
    target = next((each for each in own.targets if each.kind == one.kind and kinds.titled(each) == one.of), None)
    others = [each for each in desk.services if each.name != own.name and target in each.targets]
    return replace(one, sharing={each.name: each.name not in ill for each in others})


def concluded(desk: Desk, subject: Subject, depth: Depth, fates: Iterable[Fate], *, done: bool) -> Explained:
    """Return what has arrived comes to: while more is to come, nothing that this could refute; pure."""
    several = tuple(sorted(fates, key=lambda one: ORDER.index(one.id)))
    by = {one.id: one for one in several}
    known = scene(desk, subject, by)
    symptom, ranked = known.symptom, suspects.rank(known)
    if not done:
        pending = [one for one in _expected(subject) if one not in by]
        answer = sentence.so_far(subject.about, symptom, ranked, pending, subject.now)
        return Explained(subject, depth, symptom, ranked, answer, 0.0, several, done=False)
    eyes = "signals" if subject.service else "alarm"
    # What has nothing is no blindness, but for what would show that something is wrong.
    blind = [one.id for one in several if one.look is None or (one.id == eyes and one.status in UNSEEN)]
    failing = (_found(by, "signals") or Signals()).failing
    answer = sentence.answer(subject.about, symptom, ranked, subject.at, blind, subject.now, failing)
    # What was asked about since it began was this very trouble.
    began = symptom.onset.at if symptom else subject.at
    before = past.long_before(known.past, subject, began)
    same = tuple(one for one in before if ranked and one.same == ranked[0].same)
    if same:
        answer = f"{answer} So it was {past.often(same)}."
    sure = sentence.confidence(symptom, ranked)
    return Explained(subject, depth, symptom, ranked, answer, sure, several, same)


def document(told: Explained) -> dict[str, Any]:
    """Return an explanation as the API answers it."""
    subject, looks = told.subject, [one.look for one in told.fates if one.look]
    service = subject.service.name if subject.service else None
    return {
        "id": subject.id,
        "as_of": iso(subject.now),
        "about": {"kind": subject.kind, "name": subject.name, "service": service, "at": iso(subject.at)},
        "depth": told.depth,
        "done": told.done,
        "status": told.status,
        "answer": told.answer,
        "confidence": told.confidence,
        "onset": _onset(told.symptom),
        "suspects": [_suspect(one) for one in told.suspects],
        "revert": _revert(told.revert),
        "sections": [_section(one) for one in told.fates],
        "before": [{"at": iso(one.at), "answer": one.answer, "id": one.id} for one in told.past[:5]],
        "cost": {
            "api_calls": sum(one.calls for one in looks),
            "usd": round(sum(one.usd for one in looks), 6),
            "bytes_scanned": int(sum(one.scanned for one in looks)),
        },
        "next": _next(subject, told),
    }


def _onset(symptom: Symptom | None) -> dict[str, Any] | None:
    if symptom is None:
        return None
    found = symptom.onset
    return {
        "sign": symptom.sign, "label": symptom.label, "unit": symptom.unit, "shape": found.shape, "at": iso(found.at),
        "until": iso(found.until) if found.until is not None else None, "before": found.before, "after": found.after,
        "confidence": found.confidence, "suffering": symptom.who,
    }  # fmt: skip


def _suspect(one: Suspect) -> dict[str, Any]:
    return {
        "kind": one.kind, "title": one.title, "at": iso(one.at), "score": one.score, "evidence": list(one.evidence),
        "against": list(one.against), "change": one.change or None,
    }  # fmt: skip


def _revert(one: Offer | None) -> dict[str, Any] | None:
    if one is None:
        return None
    ask = f"POST /v1/changes/{one.change}/revert" if one.command else None
    return {
        "change": one.change, "guardrail": one.guardrail or None, "what": one.what or None, "ask": ask,
        "command": one.command or None, "why": one.why or None,
    }  # fmt: skip


def _section(fate: Fate) -> dict[str, Any]:
    look: Look[Any] | None = fate.look
    return {
        "id": fate.id,
        "status": fate.status,
        "took_ms": round(fate.took * 1000),
        "answer": look.answer if look else None,
        "data": look.data if look else None,
        "evidence": [dict(one) for one in look.evidence] if look else [],
        "reason": fate.reason or None,
    }


def _next(subject: Subject, told: Explained) -> list[str]:
    links = []
    if told.depth == "quick":
        of = "alarms" if subject.kind == "alarm" else "services"
        links.append(f"/v1/{of}/{quote(subject.name, safe='')}/explain?depth=full&at={iso(subject.at)}")
    if subject.service:
        links.append(f"/v1/services/{subject.service.name}/golden")
        if told.symptom:
            links.append(f"/v1/changes?service={subject.service.name}&since={iso(told.symptom.onset.at - 1800)}")
    return links
