"""Findings and troubles into notices: pure, with no idea of the channel."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from chalicelib.model import (
    EVERYTHING,
    Command,
    CommandKind,
    Finding,
    Mode,
    Notice,
    Page,
    Pause,
    Scope,
    Severity,
    Status,
    Waiver,
    plain,
)
from chalicelib.people import Person, address

HEADLINE = {
    "fixed": "Fixed",
    "failed": "Could not fix",
    "rejected": "Not to be fixed",
    "asked": "Needs a decision",
    "observed": "Found",
    "noted": "Seen",
    "held": "Not fixed",
    "gone": "Gone by itself",
    "undone": "Undone",
    "exempted": "Exempted",
    "undoing": "Undoing",
    "fixing": "Fixing",
}
# What a person may ask for in answer to a finding.
ACTIONS: dict[str, tuple[CommandKind, ...]] = {
    "fixed": ("undo",),
    "asked": ("approve", "reject", "exempt"),
    "held": ("approve", "exempt"),
    "failed": ("approve", "exempt", "acknowledge"),
    "observed": ("exempt", "acknowledge"),
    "rejected": ("approve", "exempt"),
    "noted": ("acknowledge",),
    "undone": ("approve",),
}
# What is news to whoever made a change: what became of it, and what of that changed since.
PERSONAL = {
    "fixed": "Your change was put right",
    "failed": "Your change could not be put right",
    "asked": "Your change needs a decision",
    "held": "Your change will be put right",
    "noted": "This was noticed",
    "undone": "Your change is back",
    "exempted": "Your change may stay",
    "rejected": "Your change stays as it is",
}
# What happens by itself when a permission ends.
AFTERWARDS: dict[Mode, str] = {
    "enforce": "then, if it is still so, it is fixed by itself",
    "approve": "then, if it is still so, Parapet asks what to do",
    "observe": "then, if it is still so, Parapet tells again",
    "off": "nothing happens then: its guardrail is off",
}
# What it means for a pager: that it stands, that somebody has decided about it, that it is over.
PAGES: dict[Status, Page | Literal[""]] = {
    "observed": "trigger",
    "asked": "trigger",
    "held": "trigger",
    "failed": "trigger",
    # Nothing will tell that it is over.
    "noted": "trigger",
    "rejected": "acknowledge",
    "fixed": "resolve",
    "gone": "resolve",
    "undone": "resolve",
    "exempted": "resolve",
    "fixing": "",
    "undoing": "",
}
WHY_LENGTH = 600
UNDER_WAY = frozenset({"fixing", "undoing"})
# How the answer begins that the end of a waiver is recorded with; the waiver's id follows.
ENDED = "ended waiver "
# Likewise for a silence.
UNSILENCED = "ended silence "


def of_finding(finding: Finding, note: str = "", about: str = "") -> Notice:
    """Return the news about a finding: the status it has, or, with `note`, that what a person asked for is refused.

    The key names the status, so that the same news is told once however often it is sent or comes about; `about`
    names the command or event that it answers, so that each gets its answer.
    """
    step = finding.history[-1]
    text = note or step.note
    return Notice(
        key=":".join(part for part in (finding.id, finding.status, _again(finding), about) if part),
        thread=finding.id,
        kind="finding",
        severity=finding.severity,
        status=finding.status,
        title=f"{HEADLINE[finding.status]}: {clip(finding.why)}",
        lines=tuple(line for line in (_done(finding), clip(text), _seen(finding)) if line),
        facts=_facts(finding),
        at=step.at,
        finding=finding.id,
        guardrail=finding.violation.guardrail,
        event_id=finding.event_id,
        actions=tuple(action for action in ACTIONS.get(finding.status, ()) if _possible(action, finding)),
        question=finding.question,
        source="guardrail",
        name=finding.violation.guardrail,
        account=finding.violation.account,
        region=finding.violation.region,
        resource=finding.violation.resource,
        since=finding.opened,
        fingerprint=finding.id,
        page=_page(finding),
    )


def _page(finding: Finding) -> Page | Literal[""]:
    """Return what a finding means for a pager, where a route has one."""
    page = PAGES[finding.status]
    return "acknowledge" if page == "trigger" and finding.acknowledged else page


def answer(finding: Finding, command: Command, loud: bool = False) -> Notice:
    """Return the news that what somebody asked for about a finding is done, or why it is refused.

    Args:
        finding: what it is about.
        command: what they asked for.
        loud: whether they decided about their own change although somebody else should have.
    """
    refused = command.status == "refused"
    notice = of_finding(finding, command.answer if refused else "", command.id)
    # A refusal moves nothing: it is newer than what was told when it was asked for, and older than what came since;
    # what is under way comes to its end by a clock that may have been read before.
    asked = notice.at if refused and finding.status in UNDER_WAY else command.at
    notice = replace(notice, at=max(notice.at, asked), reply_to=command.reply_to)
    if refused:
        return replace(notice, lines=(f"{command.who} asked to {command.kind} it, in vain.", *notice.lines))
    if not loud:
        return notice
    said = clip(f"{command.who} broke the glass and decided about their own change: {command.why}")
    title, lines = f"{notice.title} (glass broken)", (said, *notice.lines)
    return replace(notice, severity="critical", title=title, lines=lines, loud=True)


def to_person(finding: Finding, people: Sequence[Person]) -> Notice | None:
    """Return the news about a finding for whoever brought it; None where it is no news to them, or they are nobody.

    Args:
        finding: what there is news about.
        people: who is who, by which somebody can be told; a session that is named after an address will do too.
    """
    actor, headline = finding.actor, PERSONAL.get(finding.status)
    if actor is None or headline is None or finding.origin != "event" or not address(people, actor.arn):
        return None
    notice = of_finding(finding)
    made = f"You called {finding.event_name} from {actor.ip} at {moment(finding.event_time or finding.opened)}."
    lines = (
        *notice.lines,
        f"{made} If that was not you, say so at once: somebody acts in your name.",
        f"So that it does not come back with the next deploy: {finding.source}." if finding.source else "",
        _otherwise(finding),
    )
    return replace(
        notice,
        key=f"{finding.id}:{finding.status}:{_time(finding)}:person",
        thread=f"{finding.id}:person",
        title=f"{headline}: {clip(finding.why)}",
        lines=tuple(line for line in lines if line),
        actions=(),
        to=actor.arn,
    )


def _time(finding: Finding) -> int:
    """Return the how-manieth time it is that a finding has its status; asked anew or acknowledged, it is the same."""
    steps = [step.status for step in finding.history]
    return sum(now == finding.status != before for before, now in zip([None, *steps], steps, strict=False))


def _otherwise(finding: Finding) -> str:
    """Return how to ask that it may stay; only Parapet's channel has the buttons."""
    if finding.status == "fixed" and finding.undo:
        asking, command = "an undo", "undo"
    elif finding.status in ("asked", "held", "failed"):
        asking, command = "an exemption", "exempt"
    else:
        return ""
    return (
        f"If it has to be as you made it: ask for {asking} at finding {finding.id} in Parapet's channel, "
        f"or with /parapet {command} {finding.id}"
    )


def _again(finding: Finding) -> str:
    """Return what tells the first time that a finding has its status from the next, and one asking from the next."""
    times = finding.question if finding.status == "asked" else _time(finding)
    return str(times) if times > 1 else ""


def _possible(action: CommandKind, finding: Finding) -> bool:
    if action == "acknowledge":
        return not finding.acknowledged
    return bool(finding.undo if action == "undo" else finding.fix if action == "approve" else True)


def of_ending(finding: Finding, who: str, why: str, until: float, mode: Mode, at: float) -> Notice:
    """Return the news that what was permitted to stay will not be much longer: told once for each end.

    Args:
        finding: what may stay.
        who: permitted it.
        why: the reason they gave.
        until: when the permission ends.
        mode: what its guardrail does then.
        at: now; all times are epoch seconds.
    """
    notice = of_finding(finding)
    lines = (
        f"{_given(who, why)}; until {moment(until)}.",
        f"{AFTERWARDS[mode][0].upper()}{AFTERWARDS[mode][1:]}.",
        f"To prolong it: press Exempt, or ./parapet exempt {finding.id} --until 30d --why REASON.",
        f"To end it now: ./parapet approve {finding.id} fixes it." if finding.fix else "",
    )
    return replace(
        notice,
        key=f"{finding.id}:ending:{until:.0f}",
        title=f"Ends soon: {clip(finding.why)}",
        lines=tuple(line for line in lines if line),
        at=at,
        actions=tuple(action for action in ("approve", "exempt") if _possible(action, finding)),
        loud=True,
    )


def of_waiver_ending(waiver: Waiver, covers: int, at: float) -> Notice:
    """Return the news that a waiver ends soon, which lets so many findings stand now: told once for each end."""
    return Notice(
        key=f"waiver:{waiver.id}:ending:{waiver.until:.0f}",
        thread=f"waiver:{waiver.id}",
        kind="finding",
        severity="medium",
        status="exempted",
        title=f"Ends soon: the exemption of {clip(str(waiver.scope))}",
        lines=(
            f"{_given(waiver.who, waiver.why)}; until {moment(waiver.until)}.",
            "Then what it lets stand is looked at again, and fixed, asked about or told, as its guardrail's mode says.",
            clip(f"To prolong it: ./parapet exempt{_options(waiver.scope)} --until 30d --why REASON."),
            _end(waiver.id),
        ),
        facts=(("Exempted", clip(str(waiver.scope))), ("Lets stand now", str(covers))),
        at=at,
        guardrail=waiver.scope.guardrail or None,
        loud=True,
    )


def of_switch(command: Command) -> Notice | None:
    """Return the news of a pause, a resume, an exemption of a scope, a silence, or an end of one; else None."""
    if command.kind == "silence" and command.about and command.status == "done":
        return _of_silence(command)
    if command.finding or command.status != "done" or command.kind not in ("pause", "resume", "exempt"):
        return None
    scope, waiver = command.scope, command.answer.partition(ENDED)[2]
    until = moment(command.until) if command.until else "somebody resumes"
    if command.kind == "pause":
        status, verb, severity, effect = "paused", "Paused", _weight(scope), (_paused(until), _resume(scope))
    elif command.kind == "exempt":
        status, verb, severity, waiver = "exempted", "Exempted", "medium", command.id
        effect = (f"Nothing of it is fixed until {until}, and nobody is asked about it.", _end(waiver))
    elif waiver:
        status, verb, severity = "ended", "No longer exempted", "low"
        again = f"To permit it again: ./parapet exempt{_options(scope)} --until 30d --why REASON."
        effect = ("What it let stand is looked at again now.", clip(again))
    else:
        status, verb, severity = "resumed", "No longer paused", "low"
        again = f"To pause it again: ./parapet pause{_options(scope)} --why REASON."
        effect = ("What no other pause holds is fixed again, also what waited.", again)
    about = clip(str(scope)) if scope != EVERYTHING else "everything"
    return Notice(
        key=f"command:{command.id}",
        thread=f"waiver:{waiver}" if waiver else f"pause:{scope}",
        kind="finding",
        severity=severity,
        status=status,
        title=f"{verb}: {about}",
        lines=(_by(command.who, command.why), *effect),
        facts=(("Scope", about), ("Who", command.who), ("Identity", command.by or "not known")),
        at=command.at,
        guardrail=scope.guardrail or None,
        loud=status == "paused",
    )


def _of_silence(command: Command) -> Notice:
    ended = command.answer.partition(UNSILENCED)[2]
    effect = (
        ("What of it fires still is told within minutes.",)
        if ended
        else (
            f"Nothing of it is told until {moment(command.until)}; recoveries are.",
            f"To end it now: ./parapet silence --end {command.id} --why REASON.",
        )
    )
    return Notice(
        key=f"command:{command.id}",
        thread=f"silence:{ended or command.id}",
        kind="finding",
        severity="low",
        status="ended" if ended else "silenced",
        title=f"{'No longer silenced' if ended else 'Silenced'}: {clip(command.about)}",
        lines=(_by(command.who, command.why), *effect),
        facts=(("What", clip(command.about)), ("Who", command.who), ("Identity", command.by or "not known")),
        at=command.at,
        source="parapet",
        name="silence",
    )


def of_pause_standing(pause: Pause, at: float) -> Notice:
    """Return the news that a pause is still on: told once a day."""
    about = str(pause.scope) if pause.scope != EVERYTHING else "everything"
    until = moment(pause.until) if pause.until is not None else "somebody resumes"
    # Set in the console, it may not say since when.
    lasts, since = (f", for {duration(at - pause.at)}", moment(pause.at)) if pause.at else ("", "not known")
    return Notice(
        key=f"pause:{pause.scope}:on:{moment(at)[:10]}",
        thread=f"pause:{pause.scope}",
        kind="finding",
        severity=_weight(pause.scope),
        status="paused",
        title=f"Still paused{lasts}: {about}",
        lines=(_by(pause.who, pause.why), _paused(until), _resume(pause.scope)),
        facts=(("Scope", about), ("Who", pause.who), ("Since", since)),
        at=at,
        guardrail=pause.scope.guardrail or None,
        loud=True,
    )


def _weight(scope: Scope) -> Severity:
    return "high" if scope == EVERYTHING else "medium"


def _paused(until: str) -> str:
    return f"Nothing of it is fixed until {until}; telling goes on."


def _resume(scope: Scope) -> str:
    typed = f" {scope}" if scope != EVERYTHING else ""
    return f"To lift it: /parapet resume{typed}, or ./parapet resume{_options(scope)}."


def _end(waiver: str) -> str:
    return f"To end it now: ./parapet exempt --end {waiver} --why REASON."


def _options(scope: Scope) -> str:
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in plain(scope).items() if value)


def _by(who: str, why: str) -> str:
    return clip(f"By {who}: {why}" if why else f"By {who}, who gave no reason.")


def _given(who: str, why: str) -> str:
    return clip(f"Permitted by {who}: {why}" if why else f"Permitted by {who}")


def of_trouble(key: str, title: str, lines: tuple[str, ...], facts: tuple[tuple[str, str], ...], at: float) -> Notice:
    """Return the news that Parapet itself could not do something, with what to mend."""
    return Notice(
        key=key, thread=key, kind="trouble", severity="high", status="trouble", title=clip(title),
        lines=tuple(clip(line) for line in lines), facts=facts, at=at, source="parapet", page="trigger",
    )  # fmt: skip


def clip(text: str) -> str:
    """Return a text short enough to be read at a glance."""
    return text if len(text) <= WHY_LENGTH else text[: WHY_LENGTH - 1] + "…"


def moment(at: float) -> str:
    """Return a time as people read it, in UTC and to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """Return a span of time as people say it: `0.2 s`, `42 s`, `5 min`, `3 h`, `2 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, upto in (
        ("s", 1, 120),
        ("min", 60, 7200),
        ("h", 3600, 172800),
        ("d", 86400, float("inf")),
    ):
        if seconds < upto:
            return f"{seconds / size:.0f} {unit}"
    raise AssertionError("a duration is a number")


def _done(finding: Finding) -> str:
    took = finding.remediation_seconds
    calls = ", ".join(f"{c.service}:{c.operation}" for c in finding.fix)
    if finding.status == "fixed":
        after = f" {duration(took)} after the call" if took is not None and finding.event_time else ""
        approved = f", approved by {finding.approver}" if finding.approver else ""
        return f"Put right{after} with {calls}{approved}."
    if finding.status == "asked":
        return f"Nothing was changed. The fix would be {calls}."
    if finding.status == "rejected":
        return f"By {finding.history[-1].by}. Nothing was changed, and nobody is asked again."
    if finding.status in ("observed", "noted"):
        return "Nothing was changed: this guardrail only tells."
    if finding.status in ("undone", "exempted"):
        until = f" until {moment(finding.due)}" if finding.due else ""
        return f"By {finding.history[-1].by}{until}."
    if finding.status == "held":
        return f"Nothing was changed. The fix will be {calls}."
    return ""


def _seen(finding: Finding) -> str:
    return f"Acknowledged by {finding.acknowledged}." if finding.acknowledged else ""


def _facts(finding: Finding) -> tuple[tuple[str, str], ...]:
    violation, actor = finding.violation, finding.actor
    facts = [("Resource", violation.resource), ("Account", f"{violation.account}, {violation.region}")]
    if actor:
        facts += [("Who", f"{actor.who} ({actor.kind})"), ("From", actor.ip), ("With", clip(actor.tool.split(" ")[0]))]
        facts.append(("Call", finding.event_name))
    elif finding.origin == "event" and finding.event_name:
        facts.append(("Because of", finding.event_name))
    else:
        facts.append(("Who", "not known: found standing"))
    if finding.source:
        facts.append(("Mend in", clip(finding.source)))
    facts.append(("Guardrail", violation.guardrail))
    return tuple(facts)
