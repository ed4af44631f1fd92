"""What somebody is answered who typed `/parapet`: messages for their eyes only, within Slack's limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib import times
from chalicelib.alerts.model import Group, Silence
from chalicelib.model import SEVERITIES, Finding, Pause, Status
from chalicelib.notices.compose import moment
from chalicelib.notices.slack_blocks import SYMBOLS
from chalicelib.notices.slack_text import Block, clean, clip, one_line, plain

SECTION, TEXT = 3000, 4000
# More than this is read better in a terminal.
SHOWN = 10
WHY = 300


def said(text: str) -> Mapping[str, Any]:
    """Return a message of our own words, with `code` in them."""
    text = clean(text)
    words: Block = {"type": "mrkdwn", "text": clip(text, SECTION), "verbatim": True}
    return {"response_type": "ephemeral", "text": clip(text, TEXT), "blocks": [{"type": "section", "text": words}]}


def listed(heading: str, lines: Sequence[str], end: str = "") -> Mapping[str, Any]:
    """Return a message with a line about each of some things, of which nothing is markup."""
    blocks: list[Block] = [{"type": "section", "text": plain(text, SECTION)} for text in (heading, *lines[:SHOWN])]
    if end:
        blocks.append({"type": "context", "elements": [plain(end, SECTION)]})
    return {"response_type": "ephemeral", "text": clip(one_line(heading), TEXT), "blocks": blocks}


def status(pauses: Iterable[Pause], waiting: Mapping[Status, Sequence[Finding]], now: float) -> Mapping[str, Any]:
    """Return whether fixing is paused, and what stands open, by status."""
    held = [paused(one, now) for one in pauses if one.on(now)]
    open_ = [
        f"{SYMBOLS[name]} {len(found)} {name}, the oldest {times.ago(min(one.opened for one in found), now)}"
        for name, found in waiting.items()
        if found
    ]
    lines = ["\n".join(open_) or "Nothing stands open.", *held]
    heading = "⏸️ Fixing is paused:" if held else "▶️ Nothing is paused: what may be fixed is fixed."
    return listed(heading, lines, "/parapet findings shows them" if open_ else "")


def paused(one: Pause, now: float) -> str:
    """Return a pause in a line."""
    until = f"until {moment(one.until)}" if one.until is not None else "until somebody resumes"
    return f"{one.scope}, {until}: {one.who}, {times.ago(one.at, now)}: {_short(one.why)}"


def findings(found: Sequence[Finding], about: str, now: float) -> Mapping[str, Any]:
    """Return findings, the newest first, in a line each."""
    if not found:
        return said(f"There is no finding about {about}." if about else "Nothing stands open.")
    heading = f"Findings about {about}, the newest first:" if about else "What stands open, the newest first:"
    return listed(heading, [_finding(one, now) for one in found], _more(found))


def alerts(found: Sequence[Group], now: float) -> Mapping[str, Any]:
    """Return the alerts that fire, the worst first, in a line each."""
    if not found:
        return said("Nothing fires.")
    worst = sorted(found, key=lambda one: (SEVERITIES.index(one.severity), -one.opened))
    end = "and more: ./parapet alerts lists them all" if len(found) > SHOWN else ""
    many = "1 alert fires:" if len(found) == 1 else f"{len(found)} alerts fire, the worst first:"
    return listed(f"🔴 {many}", [_alert(one, now) for one in worst], end)


def silences(found: Sequence[Silence], now: float) -> Mapping[str, Any]:
    """Return the silences in force, the soonest end first, in a line each."""
    on = sorted((one for one in found if one.until > now), key=lambda one: one.until)
    if not on:
        return said("Nothing is silenced.")
    lines = [f"🔕 {one.matcher}, until {moment(one.until)}\n{one.who}: {_short(one.why)} · {one.id}" for one in on]
    return listed("What is silenced:", lines, "/parapet unsilence ID ends one")


def _alert(one: Group, now: float) -> str:
    what = " · ".join(part for part in (_short(one.title), one.service, one.account, one.region) if part)
    many = f" ({one.firing} of {one.total} fire)" if one.total > 1 else ""
    seen = f"\n👋 {one.acknowledged} is on it" if one.acknowledged else ""
    return f"{one.severity.capitalize()} · {one.id} · {times.ago(one.opened, now)}{many}\n{what}{seen}"


def who(found: Sequence[Finding], resource: str, now: float) -> Mapping[str, Any]:
    """Return who brought what about a resource, as the journal has it."""
    if not found:
        return said(f"Nobody has broken a promise on {resource}, as far as the journal knows. CloudTrail has the rest.")
    return listed(
        f"Who brought what about {resource}, the newest first:", [_brought(one) for one in found], _more(found)
    )


def _finding(one: Finding, now: float) -> str:
    by = f", {one.actor.who}" if one.actor else ""
    return f"{SYMBOLS[one.status]} {one.id} · {one.status} · {times.ago(one.opened, now)}{by}\n{_short(one.why)}"


def _brought(one: Finding) -> str:
    if one.actor is None:
        return f"{moment(one.opened)} · found standing, nobody knows who\n{_short(one.why)} · {one.status} · {one.id}"
    at = moment(one.event_time if one.event_time is not None else one.opened)
    by = f"{one.actor.who} ({one.actor.kind}) from {one.actor.ip} with {one.actor.tool.split(' ')[0]}"
    return f"{at} · {_short(by)}: {one.event_name}\n{_short(one.why)} · {one.status} · {one.id}"


def _more(found: Sequence[Finding]) -> str:
    return "and more: ./parapet findings lists them all" if len(found) > SHOWN else ""


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= WHY else line[: WHY - 1] + "…"
