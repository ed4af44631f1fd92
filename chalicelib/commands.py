"""What people ask for: recorded and emitted by whoever asks; `obeying` is what the function that owns the service does.

A pause, a resume and a waiver are done at once by whoever records them: they only keep Parapet from acting.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib import bus, people, records, registry
from chalicelib import scope as scopes
from chalicelib.alerts.book import Book
from chalicelib.alerts.model import Silence
from chalicelib.decision import LATER
from chalicelib.journal import Conflict, Journal
from chalicelib.matcher import Matcher
from chalicelib.model import (
    DAY,
    EVERYTHING,
    Asker,
    Aws,
    Command,
    CommandKind,
    Finding,
    ParapetError,
    Pause,
    Scope,
    Waiver,
)
from chalicelib.notices import compose
from chalicelib.section import LONGEST, meant
from chalicelib.settings import Settings

# Who carries out what is asked for about alerts, and what can be.
ALERTS = "alert"
ON_ALERTS: tuple[CommandKind, ...] = ("acknowledge", "silence", "dismiss")
LONGEST_SILENCE = 30 * DAY


# Asked again when nobody has answered for so long: the event may have been lost before it was sent.
OVERDUE, LOST_FOR = 60.0, 7 * DAY
# All waivers are one item, which must not outgrow what an item holds; commands and the evidence keep them.
LONG_OVER = 90 * DAY
# So many fit into an item with room to spare.
MOST_WAIVERS = 300
LONGEST_WHY = 500
# As many looks as can be asked for before Slack waits no longer; the timer asks for the rest.
AT_ONCE = 50


def new(
    kind: CommandKind,
    asker: Asker,
    at: float,
    settings: Settings,
    *,
    finding: Finding | None = None,
    why: str = "",
    until: float = 0.0,
    scope: Scope = EVERYTHING,
    alert: str = "",
    matcher: Matcher | None = None,
    question: int | None = None,
    break_glass: bool = False,
    reply_to: str = "",
    id: str = "",  # noqa: A002
) -> Command:
    """Return a command, not yet asked; raises ParapetError naming what about it cannot be.

    Args:
        kind: what is asked for.
        asker: by whom.
        at: when.
        settings: how long a command counts, and what an exemption may name.
        finding: what it is about; None for a pause, a resume, a waiver.
        why: the reason.
        until: when the permission or pause ends (epoch seconds); 0 where there is no end.
        scope: what a pause, a resume or a waiver is about.
        alert: the id of the alert that it is about, for ON_ALERTS.
        matcher: what a silence is about that is not for one alert alone.
        question: which of the finding's questions this answers, or of the alert's episodes; None: the latest.
        break_glass: whether to insist on deciding about one's own change.
        reply_to: where Slack wants the outcome.
        id: 16 hexadecimal digits by which a repeat is known; empty: a new command in any case.
    """
    why = " ".join(why.split())
    if len(why) > LONGEST_WHY:
        raise ParapetError(f"the reason is longer than {LONGEST_WHY} letters: keep it to what others need to know")
    if id and not re.fullmatch("[0-9a-f]{16}", id):
        raise ParapetError(f"{id!r} is not a command's id: 16 hexadecimal digits are")
    if kind in ("undo", "exempt") and until <= at:
        raise ParapetError("the end of the permission is in the past")
    if kind in ("undo", "exempt") and until > at + LONGEST:
        raise ParapetError(f"a permission ends within {LONGEST / DAY:.0f} days; it can be prolonged")
    if kind == "pause" and until and until <= at:
        raise ParapetError("the end of the pause is in the past")
    if break_glass and not why:
        raise ParapetError("who breaks the glass must say why")
    if kind == "silence" and not at < until <= at + LONGEST_SILENCE:
        raise ParapetError(f"a silence ends in the future, and within {LONGEST_SILENCE / DAY:.0f} days")
    if alert or matcher:
        _about_alerts(kind, alert, matcher)
    elif finding is None:
        _checked(kind, scope, settings)
        _somebody_elses(kind, asker, scope, settings)
    service = registry.service_of(finding.violation.guardrail) if finding else ALERTS if alert else ""
    return Command(
        id or secrets.token_hex(8), kind, finding.id if finding else alert, service, asker.who, why, at, until,
        by=asker.by, via=asker.via, expires=at + settings.control.expire_after, question=question,
        break_glass=break_glass, reply_to=reply_to, scope=scope, about=str(matcher) if matcher else "",
    )  # fmt: skip


def _about_alerts(kind: CommandKind, alert: str, matcher: Matcher | None) -> None:
    if kind not in ON_ALERTS:
        raise ParapetError(f"{kind} is about a finding, not an alert: for those there are {', '.join(ON_ALERTS)}")
    if alert and not is_alert(alert):
        raise ParapetError(f"{alert!r} is not an alert's id such as a-3f9k2m1q: `./parapet alerts` lists them")
    if matcher and not matcher.narrow:
        raise ParapetError("a silence of everything would leave nobody to be told: say what it is about")


def is_alert(name: str) -> bool:
    """Whether an id is an alert's, and not a finding's."""
    return re.fullmatch("a-[0-9a-v]{8}", name) is not None


def _checked(kind: CommandKind, about: Scope, settings: Settings) -> None:
    given = records.scope_record(about)
    if kind in ("silence", "dismiss"):
        raise ParapetError(f"{kind} is about an alert: name it")
    if kind not in ("pause", "resume", "exempt"):
        raise ParapetError(f"{kind} is about a finding: name it")
    if kind != "exempt" and given.keys() - set(scopes.PAUSED_BY):
        raise ParapetError(f"a pause can be for a {', '.join(scopes.PAUSED_BY)}, or all of them; not for {about}")
    if kind == "exempt" and not given.keys() & set(scopes.NARROW):
        raise ParapetError(
            f"an exemption of {about} would switch Parapet off there: name a {', '.join(scopes.NARROW)} (or pause)"
        )
    if about.tag and not settings.exempting.by_tag:
        raise ParapetError(
            "exemptions by tag are off, since whoever opens the door could also tag it: "
            "exemptions.by_tag = true in parapet.toml allows them"
        )
    if about.tag.startswith("="):
        raise ParapetError(f"tag: {about.tag!r} names no key: honeypot or honeypot=yes would")
    for name, known in (("guardrail", registry.names()), ("service", registry.services())):
        value = given.get(name, "")
        if value and value not in known:
            raise ParapetError(f"{name}: there is no {value!r}{meant(value, known)}")
    if about.account and not re.fullmatch(r"\d{12}", about.account):
        raise ParapetError(f"account: {about.account!r} is not an account's number of 12 digits")
    if about.region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d|global", about.region):
        raise ParapetError(f"region: {about.region!r} is not a region such as eu-west-1, nor global")
    if about.principal and (sorry := scopes.too_wide(about.principal)):
        raise ParapetError(f"principal: {about.principal!r} will not do: {sorry}")
    if "*" in about.resource and not about.guardrail:
        raise ParapetError(f"resource: {about.resource!r} may be anything: with * it needs a guardrail")
    _possible(about)


def _possible(about: Scope) -> None:
    """Refuse what no finding can be, so that nobody relies on it; raises ParapetError."""
    if about.guardrail and about.service not in ("", registry.service_of(about.guardrail)):
        raise ParapetError(f"{about.guardrail} is not a guardrail of {about.service}: leave the service out")
    if not (about.region and (about.guardrail or about.service)):
        return
    rails = [registry.get(about.guardrail)] if about.guardrail else registry.of(about.service)
    if not any(rail.everywhere == (about.region == "global") for rail in rails):
        mend = "say global, or leave the region out" if about.region != "global" else "leave the region out"
        raise ParapetError(f"region: nothing of {about.guardrail or about.service} is in {about.region}: {mend}")


def _somebody_elses(kind: CommandKind, asker: Asker, about: Scope, settings: Settings) -> None:
    """Under four eyes a waiver covers only what others make: refuse one of which nobody can tell; raises ParapetError.

    Of a change whose maker is nobody under [people] it would be taken to be their own.
    """
    if kind != "exempt" or not settings.control.four_eyes:
        return
    known = {one for person in settings.people for one in person.aws}
    if people.of(settings.people, asker.by) is None:
        raise ParapetError(
            f"{asker.by} is nobody under [people] in parapet.toml: under four eyes exemptions are for those"
        )
    if about.principal and about.principal not in known and people.of(settings.people, about.principal) is None:
        raise ParapetError(
            f"principal: {about.principal} is nobody's under [people] in parapet.toml, and so counts as one's own "
            "under four eyes: name it there first"
        )


def ask(journal: Journal, aws: Aws, command: Command) -> Command:
    """Record a command about a finding and emit the event that names it; under the same id, asking twice is once.

    Returns it as it is recorded, to be watched until it is answered. Raises Conflict when the id is another
    command's, AwsError.
    """
    command = _recorded(journal, command, lambda: journal.ask(command))
    if command.status == "asked":
        bus.emit(aws, bus.COMMAND, [_named(command)])
    return command


def _named(command: Command) -> dict[str, str]:
    return {"service": command.service, "command": command.id}


def _recorded(journal: Journal, command: Command, record: Callable[[], None]) -> Command:
    """Record a command, or return it as it was recorded before under its id; raises Conflict when that is another."""
    try:
        record()
    except Conflict:
        there = journal.command(command.id)
        if there is None or not _repeats(there, command):
            raise
        return there
    return command


def _repeats(one: Command, other: Command) -> bool:
    """Whether two commands ask for the same: until the same time, or for as long."""
    fields = ("kind", "finding", "scope", "about", "by", "why", "question", "break_glass")
    same_end = one.until == other.until or abs((one.until - one.at) - (other.until - other.at)) < 1
    return same_end and all(getattr(one, name) == getattr(other, name) for name in fields)


def pause(journal: Journal, command: Command) -> Pause:
    """Stop fixing what a command's scope covers, at once; raises Conflict, AwsError."""
    switch = Pause(command.who, command.why, command.at, command.until or None, command.scope)
    done = replace(command, status="done", answer="paused")
    asked = _recorded(journal, command, lambda: journal.set_pause(switch, done))
    # Asked again, it is as it was asked for first.
    return replace(switch, who=asked.who, why=asked.why, at=asked.at, until=asked.until or None)


def resume(journal: Journal, aws: Aws, command: Command) -> list[Finding]:
    """Lift the pause of exactly a command's scope, and have what nothing else holds looked at again; returns that."""
    done = replace(command, status="done", answer="resumed")
    _recorded(journal, command, lambda: journal.lift_pause(command.scope, done))
    held = released(journal, command.at)
    bus.look_again(aws, held[:AT_ONCE])
    return held


def waive(journal: Journal, command: Command) -> Waiver:
    """Exempt what a command's scope covers, at once; the waiver has the command's id. Raises Conflict, AwsError."""
    waiver = Waiver(command.id, command.scope, command.until, command.who, command.why, command.at, command.by)
    done = replace(command, status="done", answer="exempted")
    there = journal.waivers()
    over = [one.id for one in there if one.until < command.at - LONG_OVER]
    if len(there) - len(over) >= MOST_WAIVERS:
        raise ParapetError(f"there are {MOST_WAIVERS} exemptions of scopes already: end some (./parapet exemptions)")
    asked = _recorded(journal, command, lambda: journal.waive(waiver, done, over))
    return replace(waiver, until=asked.until, why=asked.why, at=asked.at)


def end_waiver(journal: Journal, aws: Aws, command: Command, waiver: str) -> Waiver:
    """End a waiver at once and have what it let stand looked at again; raises ParapetError when there is none."""
    ended = next((one for one in journal.waivers() if one.id == waiver), None)
    if ended is None:
        raise ParapetError(f"there is no waiver {waiver!r}: `./parapet exemptions` lists them")
    done = replace(command, scope=ended.scope, status="done", answer=f"{compose.ENDED}{waiver}")
    journal.end_waiver(waiver, done)
    bus.look_again(aws, [one for one in journal.by_status("exempted") if one.waiver == waiver])
    return ended


def silence(journal: Journal, book: Book, command: Command, matcher: Matcher) -> Silence:
    """Tell nothing of what a matcher fits until a command's end, at once; the silence has the command's id.

    Raises Conflict, ParapetError, AwsError.
    """
    found = Silence(command.id, matcher, command.until, command.who, command.why, command.at, command.by)
    done = replace(command, status="done", answer="silenced")
    asked = _recorded(journal, command, lambda: book.silence(found, done))
    return replace(found, until=asked.until, why=asked.why, at=asked.at)


def end_silence(book: Book, settings: Settings, asker: Asker, why: str, at: float, silence: str) -> Silence:
    """End a silence at once: what fires still is told within minutes; raises ParapetError when there is none."""
    ended = next((one for one in book.silences() if one.id == silence), None)
    if ended is None:
        raise ParapetError(f"there is no silence {silence!r}: `./parapet silences` lists them")
    command = new("silence", asker, at, settings, matcher=ended.matcher, until=max(ended.until, at + 1), why=why)
    book.end_silence(silence, replace(command, status="done", answer=f"{compose.UNSILENCED}{silence}"))
    return ended


def released(journal: Journal, now: float) -> list[Finding]:
    """Return the findings that a pause held and that none holds any longer, however the pause was lifted."""
    pauses = journal.pauses()
    return [
        finding
        for finding in journal.by_status("held")
        # What cannot be changed yet is due soon anyway, and a version without its guardrail cannot look.
        if finding.violation.guardrail in registry.names()
        and (finding.due is None or finding.due > now + LATER)
        and scopes.paused(pauses, finding.violation, now) is None
    ]


def unwaived(journal: Journal, now: float) -> list[Finding]:
    """Return the findings that stand under a waiver which has been ended, and at which nobody has looked since."""
    there = {one.id for one in journal.waivers()}
    return [
        one
        for one in journal.by_status("exempted")
        if one.waiver and one.waiver not in there and one.due and one.due > now
        and one.violation.guardrail in registry.names()
    ]  # fmt: skip


def take_up(journal: Journal, aws: Aws, settings: Settings, now: float) -> None:
    """Emit what is owed: commands that nobody has answered, findings that are due or no longer held.

    Raises the first problem once all is tried.
    """
    problems: list[ParapetError] = []
    owed: tuple[Callable[[], None], ...] = (
        lambda: bus.emit(aws, bus.COMMAND, _lost(journal, settings, now)),
        lambda: bus.look_again(aws, journal.due(now)),
        lambda: bus.look_again(aws, released(journal, now)),
    )
    for send in owed:
        try:
            send()
        except ParapetError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def _lost(journal: Journal, settings: Settings, now: float) -> list[dict[str, Any]]:
    # Also once they are void, so that whoever asked is told; once an hour after an outage that lasted until then.
    void = settings.control.expire_after
    back = LOST_FOR if int(now // OVERDUE) % 60 == 0 else void + 3 * OVERDUE
    lost = journal.unanswered(now - back, now - OVERDUE)
    return [_named(one) for one in lost if _turn(now - one.at) or now - one.at > void]


def _turn(age: float) -> bool:
    """Whether it is time to try a command again, once a minute asked: after 1, 2, 4, 8 … minutes."""
    minutes = int(age // OVERDUE)
    return minutes & (minutes - 1) == 0
