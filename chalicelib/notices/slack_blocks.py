"""A notice as a Slack message: Block Kit, within Slack's limits whatever the notice holds. Pure.

The first notice of a thread is its *root*: the one message that stands in the channel. Each later notice is a
*reply* in the thread, and the root is rewritten to show it, with what came before as dated lines. So the channel
shows how things are now, the thread shows how they became so, and only the root carries buttons: whatever is
shown to press can be pressed. Where nobody would hear a press, the root shows what to type instead.

Nothing that comes from outside is read as markup: titles and lines are `plain_text`, which has none; facts are
`mrkdwn` for the sake of their bold labels, and a value that could be taken for formatting, an emoji or a link is
shown as code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model import CommandKind, Notice
from chalicelib.notices.slack_text import (
    Block,
    clean,
    clip,
    cut,
    escaped,
    label,
    length,
    literal,
    moment,
    one_line,
    plain,
)

BLOCKS, HEADER, SECTION, FIELDS, FIELD = 50, 150, 3000, 10, 2000
BUTTON, VALUE, TEXT = 75, 2000, 4000
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30

FACTS = 20
EARLIER = 5
EARLIER_LINE = 300

SYMBOLS = {
    "fixed": "✅",
    "failed": "❌",
    "asked": "❓",
    "observed": "👀",
    "noted": "👀",
    "held": "⏸️",
    "gone": "💨",
    "undone": "↩️",
    "undoing": "↩️",
    "exempted": "🔕",
    "fixing": "🔧",
    "rejected": "🚫",
    "paused": "⏸️",
    "resumed": "▶️",
    "ended": "🔔",
    "trouble": "⚠️",
}
SEVERITIES = {"critical": "🚨 Critical", "high": "🔴 High", "medium": "🟠 Medium", "low": "🔵 Low"}


@dataclass(frozen=True, slots=True)
class Button:
    """One button: what it says, its colour, the question before it acts and what then happens, and the way back."""

    label: str
    style: str = ""
    question: str = ""
    effect: str = ""
    deny: str = "Not now"


BUTTONS: Mapping[CommandKind, Button] = {
    "approve": Button("Fix it", "primary", "Make this fix?", "It is made at once, under Parapet's own role."),
    "undo": Button(
        "Undo",
        "danger",
        "Undo this fix?",
        "Undo puts back what was fixed, and permits it for as long as the settings say.",
        "Keep the fix",
    ),
    "reject": Button("Leave it", "", "Leave it as it is?", "It is not fixed, and not asked about again."),
    "exempt": Button("Exempt…"),
    "acknowledge": Button("Acknowledge"),
}
TYPED: Mapping[CommandKind, str] = {"exempt": " --until 30d --why REASON"}


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a thread told before: when, the status it was, and what was said."""

    at: float
    status: str
    line: str


def root(notice: Notice, earlier: Sequence[Earlier] = (), *, interactive: bool = True) -> tuple[str, list[Block]]:
    """Return the text and blocks of the message in the channel: the latest notice, then what came before.

    Args:
        notice: the latest.
        earlier: what the thread told before it.
        interactive: whether a press of a button reaches us; otherwise it says what to type.
    """
    title, heading = one_line(notice.title) or notice.kind, _heading(notice)
    paragraphs = [title] if length(escaped(heading)) > HEADER else []
    blocks: list[Block] = [{"type": "header", "text": plain(heading, HEADER)}]
    body = "\n".join([*paragraphs, *_lines(notice)])
    if body:
        blocks.append({"type": "section", "text": plain(body, SECTION)})
    blocks += _facts(notice)
    blocks.append(_context(notice))
    blocks += _history(earlier)
    return _text(notice), blocks + _actions(notice, title, interactive=interactive)


def reply(notice: Notice) -> tuple[str, list[Block]]:
    """Return the text and blocks of a message within a thread: what is new; the facts are in the root."""
    body = "\n".join((_heading(notice), *_lines(notice)))
    return _text(notice), [{"type": "section", "text": plain(body, SECTION)}, _context(notice)]


def asked(blocks: Sequence[Mapping[str, Any]], kind: CommandKind, who: str, at: float) -> list[Block]:
    """Return a root's blocks with who asked for what in the place of its buttons, until the outcome is known."""
    parts = ("⏳", moment(at, "{time}"), f"*{label(BUTTONS[kind].label)}* asked for by {literal(who, 200)}")
    said = {"type": "mrkdwn", "text": " ".join(part for part in parts if part), "verbatim": True}
    return [{"type": "context", "elements": [said]} if one.get("type") == "actions" else dict(one) for one in blocks]


def summary(notice: Notice) -> str:
    """Return the one line that a thread keeps of a notice for when it is no longer the latest."""
    lines = [one_line(line) for line in notice.lines if one_line(line)]
    return (lines[0] if lines else one_line(notice.title))[:EARLIER_LINE]


def _heading(notice: Notice) -> str:
    return f"{SYMBOLS.get(notice.status, '•')} {one_line(notice.title) or notice.kind}"


def _lines(notice: Notice) -> list[str]:
    return [line for line in (clean(line).strip() for line in notice.lines) if line]


def _facts(notice: Notice) -> list[Block]:
    fields = [
        {"type": "mrkdwn", "text": f"*{label(name)}*\n{literal(value, FIELD - 200)}", "verbatim": True}
        for name, value in notice.facts[:FACTS]
    ]
    blocks: list[Block] = [
        {"type": "section", "fields": fields[start : start + FIELDS]} for start in range(0, len(fields), FIELDS)
    ]
    left = len(notice.facts) - FACTS
    if left > 0:
        blocks.append({"type": "context", "elements": [plain(f"and {left} facts more, in the journal", SECTION)]})
    return blocks


def _context(notice: Notice) -> Block:
    severity = SEVERITIES.get(notice.severity, f"• {label(notice.severity)}")
    parts = [f"*{severity}* severity" if notice.kind == "finding" else f"*{severity}*"]
    if notice.finding:
        parts.append(f"Finding {literal(notice.finding, 200)}")
    if when := moment(notice.at, "{date_short_pretty} {time_secs}"):
        parts.append(when)
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "  ·  ".join(parts), "verbatim": True}]}


def _history(earlier: Sequence[Earlier]) -> list[Block]:
    shown, left = list(earlier)[-EARLIER:], len(earlier) - EARLIER
    blocks: list[Block] = []
    if left > 0:
        blocks.append({"type": "context", "elements": [plain(f"{left} earlier in the thread", SECTION)]})
    for one in shown:
        when = " ".join(part for part in (SYMBOLS.get(one.status, "•"), moment(one.at, "{time}")) if part)
        line = plain(one_line(one.line) or one.status or "–", EARLIER_LINE)
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": when, "verbatim": True}, line]})
    return blocks


def _actions(notice: Notice, title: str, *, interactive: bool) -> list[Block]:
    """Return what a person can ask for in answer: buttons, or the command lines that do the same."""
    value = f"{notice.finding}:{notice.question}"
    kinds = [kind for kind in notice.actions if kind in BUTTONS]
    if not (notice.finding and kinds) or length(value) > VALUE or value != clip(one_line(value), VALUE):
        return []
    if interactive:
        # The first line tells what the fix is, and is not to be cut.
        first = one_line(notice.lines[0]) if notice.lines else ""
        buttons = [
            _button(kind, value, f"{first}\n{title}" if kind == "approve" and first else title) for kind in kinds
        ]
        return [{"type": "actions", "elements": buttons}]
    typed = "\n".join(f"./parapet {kind} {notice.finding}{TYPED.get(kind, '')}" for kind in kinds)
    return [{"type": "context", "elements": [plain(f"To answer, on the command line:\n{typed}", SECTION)]}]


def _button(kind: CommandKind, value: str, about: str) -> Block:
    said = BUTTONS[kind]
    block: Block = {"type": "button", "action_id": kind, "value": value, "text": plain(said.label, BUTTON)}
    style = {"style": said.style} if said.style else {}
    if not said.question:
        return {**block, **style}
    room = CONFIRM_TEXT - len(said.effect) - 2
    confirm = {
        "title": plain(said.question, CONFIRM_TITLE),
        "text": plain(f"{cut(about, room)}\n\n{said.effect}", CONFIRM_TEXT),
        "confirm": plain(said.label, CONFIRM_BUTTON),
        "deny": plain(said.deny, CONFIRM_BUTTON),
        **style,
    }
    return {**block, **style, "confirm": confirm}


def _text(notice: Notice) -> str:
    facts = dict(notice.facts)
    by = " from ".join(one_line(facts[name]) for name in ("Who", "From") if facts.get(name))
    first = [line for line in (one_line(line) for line in notice.lines) if line][:1]
    severity = SEVERITIES.get(notice.severity, notice.severity)
    # Not "by": whoever brought it is seldom who undid it.
    parts = [f"{_heading(notice)} ({severity.split(' ')[-1].lower()})", f"Who: {by}" if by else "", *first]
    return clip(". ".join(part.removesuffix(".") for part in parts if part), TEXT)
