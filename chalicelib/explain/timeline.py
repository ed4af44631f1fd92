"""What happened to a service between two times, for the post-mortem: alarms, changes, commands, fixes, who and when.

What could not be read is named in it: a gap that nobody sees is taken for calm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from chalicelib import pages
from chalicelib.alerts.book import Book as Alerts
from chalicelib.explain.gathering import Look, Section, gather
from chalicelib.explain.kept import Kept, Past, matters
from chalicelib.explain.subject import Desk, concerns, names
from chalicelib.ledger.model import DEPLOYMENT, NOTICE, Change
from chalicelib.model import DAY, US
from chalicelib.services import alarmed
from chalicelib.services.model import Service
from chalicelib.times import iso

Kind = Literal["alarm", "alert", "change", "deployment", "notice", "command", "fix", "finding", "explained"]
# More than this is no timeline any more; and what a page of each source holds.
LONGEST, MOST, PAGE = 7 * DAY, 500, 200
# Seconds that each source may take; and how near the time of a change that is known is looked for it.
PATIENCE, NEAR = 8.0, 1.0
MARKS = {
    "alarm": "🔔", "alert": "🚨", "change": "✏️", "deployment": "🚀", "notice": "📣", "command": "🙋", "fix": "🔧",
    "finding": "🔎", "explained": "💡",
}  # fmt: skip
# What a finding's step is, when Parapet itself takes it.
_FIXES = frozenset({"fixed", "failed", "undone"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: when, of which kind, what, and who did it (empty: nobody)."""

    at: float
    kind: Kind
    what: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that happened, in order, and what could not be read."""

    service: str
    since: float
    until: float
    entries: tuple[Entry, ...]
    missing: tuple[str, ...] = ()


def read(desk: Desk, service: Service, since: float, until: float) -> Timeline:
    """Return what happened to a service; a source that fails is named."""

    def source(name: str, look: Callable[[Desk, Service, float, float], Iterable[Entry]]) -> Section:
        return Section(name, PATIENCE, lambda: Look(tuple(look(desk, service, since, until)), name))

    sources = {
        "alarms": _alarms, "alerts": _alerts, "changes": _changes, "findings": _findings, "explanations": _explained,
    }  # fmt: skip
    fates = gather([source(name, look) for name, look in sources.items()])
    found = [one for fate in fates.values() if fate.look for one in fate.look.found if since <= one.at <= until]
    found.sort(key=lambda one: (one.at, one.kind, one.what))
    missing = [f"{name}: {fate.reason}" for name, fate in fates.items() if fate.look is None]
    if len(found) > MOST:
        missing.append(f"there is more: these are the first {MOST} of {len(found)}")
    return Timeline(service.name, since, until, tuple(found[:MOST]), tuple(missing))


def markdown(timeline: Timeline) -> str:
    """Return a timeline as Markdown; what comes from outside is no markup in it."""
    head = f"# Timeline of {_plain(timeline.service)}"
    span = f"From {_day(timeline.since)} to {_day(timeline.until)}, times in UTC."
    rows = ["| when | what | who |", "| --- | --- | --- |"]
    day = ""
    for one in timeline.entries:
        when = datetime.fromtimestamp(one.at, UTC)
        if len({_date(timeline.since), _date(timeline.until)}) > 1 and (today := _date(one.at)) != day:
            rows.append(f"| **{today}** | | |")
            day = today
        rows.append(f"| {when:%H:%M:%S} | {MARKS[one.kind]} {_plain(one.what)} | {_plain(one.who)} |")
    if not timeline.entries:
        rows = ["Nothing is known to have happened."]
    gaps = [f"- {_plain(one)}" for one in timeline.missing]
    more = ["", "Not all could be read:", "", *gaps] if gaps else []
    return "\n".join([head, "", span, "", *rows, *more, ""])


def _alarms(desk: Desk, service: Service, since: float, until: float) -> Iterator[Entry]:
    """Yield what the alarms of its objectives went through, those that tell people."""
    names = frozenset(alarmed.telling(service, desk.stage))
    items = desk.reach(service.entry.region).all(
        "cloudwatch", "describe_alarm_history", "AlarmHistoryItems", AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        HistoryItemType="StateUpdate", ScanBy="TimestampAscending", StartDate=iso(since), EndDate=iso(until),
    )  # fmt: skip
    for raw in items:
        if raw["AlarmName"] in names:
            told = json.loads(raw.get("HistoryData") or "{}")
            before, state = (told.get(one, {}).get("stateValue", "") for one in ("oldState", "newState"))
            if state == "OK" and before not in ("ALARM", ""):
                # It was never on: with its first data it knows that.
                continue
            word = {"ALARM": "went off", "OK": "is OK again"}.get(state, "has no data")
            yield Entry(raw["Timestamp"].timestamp(), "alarm", f"Alarm {raw['AlarmName']} {word}")


def _alerts(desk: Desk, service: Service, since: float, until: float) -> Iterator[Entry]:
    """Yield which alerts people were told, who was on them, and when they were over."""
    book = Alerts(desk.reach(""), desk.table)
    # One that was open before may have been acknowledged since.
    for group in (*book.groups("firing", since - DAY, until), *book.groups("resolved", since - DAY, until)):
        if group.service != service.name:
            continue
        yield Entry(group.opened, "alert", f"People are told: {group.title}")
        if group.acknowledged:
            yield Entry(group.acknowledged_at, "command", f"Is on it: {group.title}", group.acknowledged)
        if group.status == "resolved":
            yield Entry(group.at, "alert", f"It is over: {group.title}")


def _changes(desk: Desk, service: Service, since: float, until: float) -> Iterator[Entry]:
    """Yield what was changed of what it stands on, and what AWS told."""
    book, found = desk.ledger(), dict[str, Change]()
    # By its name, and by what it is made of: it may be in the settings since yesterday.
    for wanted in ({"service": service.name}, *({"resource": name} for name in sorted(names(service)))):
        after: str | None = None
        for _ in range(MOST // PAGE + 1):
            page = book.between(since, until, limit=PAGE, after=after, **wanted)
            found |= {one.id: one for one in page.changes if one.writes}
            after = page.after
            if after is None:
                break
    found |= {one.id: one for one in _suspected(desk, service, since, until, found)}
    for one in found.values():
        of = f" of {one.resources[0]}" if one.resources else ""
        failed = f", which failed ({one.error})" if one.error else ""
        what = f": {one.what}" if one.what else ""
        how = ", ".join(filter(None, [f"with {one.tool}" if one.tool else "", f"from {one.ip}" if one.ip else ""]))
        kind: Kind = "deployment" if one.kind == DEPLOYMENT else "notice" if one.kind == NOTICE else "change"
        who = f"{one.actor} ({how})" if one.actor and how else one.actor
        yield Entry(one.at, kind, f"{one.action}{of}{failed}{what}", who)


def _suspected(desk: Desk, service: Service, since: float, until: float, known: Container[str]) -> Iterator[Change]:
    """Yield the changes that its explanations suspect, of which nobody could tell beforehand that they touch it."""
    past = _past(desk, service, until)
    wanted = {id_: at for one in past for id_, at in one.changes.items() if since <= at <= until and id_ not in known}
    for id_, at in wanted.items():
        page = desk.ledger().between(at - NEAR, at + NEAR, limit=PAGE)
        yield from (one for one in page.changes if one.id == id_)


def _findings(desk: Desk, service: Service, since: float, until: float) -> Iterator[Entry]:
    """Yield what Parapet found and put right of what it stands on, and what people decided about that."""
    mark: pages.Mark | None = None
    # What was suspected may have been taken back, though nothing says whose it is.
    suspected = {id_ for one in _past(desk, service, until) for id_ in one.changes}
    for _ in range(MOST // PAGE + 1):
        page = pages.read(desk.reach(""), desk.table, pages.Wanted(since - DAY, until), PAGE, mark)
        for one in page.findings:
            if not (concerns(service, one.violation.resource) or one.event_id in suspected):
                continue
            about = f"{one.violation.resource} ({one.violation.guardrail}, finding {one.id})"
            yield Entry(one.opened, "finding", f"{one.why}: {about}", one.actor.who if one.actor else "")
            for step in one.history:
                by = "Parapet" if step.by == US else step.by
                kind: Kind = "fix" if step.status in _FIXES and step.by == US else "command"
                if step.by != US or step.status in _FIXES:
                    note = f": {step.note}" if step.note else ""
                    yield Entry(step.at, kind, f"{step.status.capitalize()} {about}{note}", by)
        mark = page.after
        if mark is None:
            return


def _explained(desk: Desk, service: Service, since: float, until: float) -> Iterator[Entry]:
    """Yield what explanations came to."""
    for one in matters(_past(desk, service, until)):
        yield Entry(one.at, "explained", one.answer, "Parapet")


def _past(desk: Desk, service: Service, until: float) -> Sequence[Past]:
    """Return what explanations came to up to a time, that second included; raises AwsError."""
    return Kept(desk.reach(""), desk.table).past(service.name, until + 1)


def _plain(text: str) -> str:
    """Return a text that is read as text in a table of Markdown."""
    line = " ".join(text.split())
    for sign in "\\`*_[]<>|#~":
        line = line.replace(sign, f"\\{sign}")
    return line


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def told(entries: Sequence[Entry]) -> list[dict[str, str | None]]:
    """Return entries as the API has them."""
    return [{"at": iso(one.at), "kind": one.kind, "what": one.what, "who": one.who or None} for one in entries]
