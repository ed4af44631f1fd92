"""A notice as a Slack message: Block Kit, within Slack's limits whatever the notice holds. Pure.

The first notice of a thread is its *root*: the one message that stands in the channel. Each later notice is a
*reply* in the thread, and the root is rewritten to show it, with what came before as dated lines. So the channel
shows how things are now, the thread shows how they became so, and only the root carries buttons: whatever is
shown to press can be pressed. Where nobody would hear a press, the root shows what to type instead.

Nothing that comes from outside is read as markup: titles and lines are `plain_text`, which has none; facts are
`mrkdwn` for the sake of their bold labels, and a value that could be taken for formatting, an emoji or a link is
shown as code. The links of a notice are the only ones, and lead to https:// alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    link,
    literal,
    moment,
    one_line,
    plain,
)
from chalicelib.notices.table import drawn

BLOCKS, HEADER, SECTION, FIELDS, FIELD = 50, 150, 3000, 10, 2000
BUTTON, VALUE, TEXT = 75, 2000, 4000
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
LINKS, ALT_TEXT = 10, 2000
# How wide a table is shown before Slack breaks its lines, in a thread of 600 pixels too, and how long.
WIDE, TABLE = 64, 3000

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
    "firing": "🔴",
    "joined": "🔴",
    "repeated": "🔁",
    "escalated": "📟",
    "acknowledged": "👋",
    "unacknowledged": "🔴",
    "silenced": "🔕",
    "resolved": "✅",
    "told": "📣",
    "digest": "📊",
}
# What a heading about an alert begins with; a symbol alone says nothing to who hears it read.
STATES = {
    "firing": "Firing",
    "joined": "Firing",
    "repeated": "Still firing",
    "escalated": "Escalated",
    "acknowledged": "Acknowledged",
    "unacknowledged": "Nobody is on it",
    "silenced": "Silenced",
    "resolved": "Resolved",
    "told": "Happened",
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
    "silence": Button("Silence…"),
    "dismiss": Button(
        "Not actionable",
        "",
        "Was there nothing to do about it?",
        "It is counted, and proposed on Monday to be changed. Nobody is asked about it again until it is over.",
        "There was",
    ),
}
TYPED: Mapping[CommandKind, str] = {"exempt": " --until 30d --why REASON", "silence": " --for 4h --why REASON"}

# What is asked for about an alert and is no command: nothing is done, and the answer comes into the thread.
EXPLAIN = "explain"

# What people are called by name for.
CALLING = frozenset({"firing", "told", "repeated", "escalated", "asked", "failed"})


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a thread told before: when, the status it was, and what was said."""

    at: float
    status: str
    line: str


def root(
    notice: Notice, earlier: Sequence[Earlier] = (), *, interactive: bool = True, picture: str = ""
) -> tuple[str, list[Block]]:
    """Return the text and blocks of the message in the channel: the latest notice, then what came before.

    Args:
        notice: the latest.
        earlier: what the thread told before it.
        interactive: whether a press of a button reaches us; otherwise it says what to type.
        picture: the id of a picture that Slack has, the thread's latest.
    """
    title, heading = one_line(notice.title) or notice.kind, _heading(notice)
    paragraphs = [title] if length(escaped(heading)) > HEADER else []
    blocks: list[Block] = [{"type": "header", "text": plain(heading, HEADER)}]
    body = "\n".join([*paragraphs, *_lines(notice)])
    if body:
        blocks.append({"type": "section", "text": plain(body, SECTION)})
    blocks += _mention(notice) + _table(notice) + _facts(notice) + _picture(notice, picture) + _links(notice)
    blocks.append(_context(notice))
    blocks += _history(earlier)
    return _text(notice), blocks + _actions(notice, title, interactive=interactive)


def reply(notice: Notice, *, picture: str = "") -> tuple[str, list[Block]]:
    """Return the text and blocks of a message within a thread: what is new; the facts and links are in the root."""
    body = "\n".join((_heading(notice), *_lines(notice)))
    said: Block = {"type": "section", "text": plain(body, SECTION)}
    beside = (*_mention(notice), *_table(notice), *_picture(notice, picture))
    return _text(notice), [said, *beside, _context(notice, where=False)]


def asked(blocks: Sequence[Mapping[str, Any]], kind: CommandKind, who: str, at: float) -> list[Block]:
    """Return a root's blocks with who asked for what in the place of its buttons, until the outcome is known."""
    parts = ("⏳", moment(at, "{time}"), f"*{label(BUTTONS[kind].label)}* asked for by {literal(who, 200)}")
    said = {"type": "mrkdwn", "text": " ".join(part for part in parts if part), "verbatim": True}
    return [{"type": "context", "elements": [said]} if one.get("type") == "actions" else one for one in told(blocks)]


def told(blocks: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return blocks as Slack takes them again: it tells more about a picture than it wants to hear."""
    return [
        _image(_file(one), str(one.get("alt_text"))) if one.get("type") == "image" else dict(one)
        for one in blocks
        if one.get("type") != "image" or _file(one)
    ]


def pictured(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the id of the picture that blocks show, or an empty text."""
    return next((_file(one) for one in blocks if one.get("type") == "image"), "")


def summary(notice: Notice) -> str:
    """Return the one line that a thread keeps of a notice for when it is no longer the latest."""
    lines = [one_line(line) for line in notice.lines if one_line(line)]
    return (lines[0] if lines else one_line(notice.title))[:EARLIER_LINE]


def explainable(notice: Notice) -> bool:
    """Whether what happened can be looked into: of an alarm, or of a service."""
    about = notice.kind == "alert" and bool(notice.alert) and not notice.finding
    return about and (notice.source == "alarm" or bool(notice.service))


def _heading(notice: Notice) -> str:
    title = one_line(notice.title) or notice.kind
    state = STATES.get(notice.status, "") if notice.kind == "alert" else ""
    if state:
        # A title may tell of a state already, as those of recoveries do.
        before, _, rest = title.partition(": ")
        title = f"{state}: {rest if before in STATES.values() and rest else title}"
    return f"{SYMBOLS.get(notice.status, '•')} {'TEST · ' if notice.test else ''}{title}"


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


def _context(notice: Notice, *, where: bool = True) -> Block:
    severity = SEVERITIES.get(notice.severity, f"• {label(notice.severity)}")
    parts = [f"*{severity}* severity" if notice.kind == "finding" else f"*{severity}*"]
    if notice.test:
        parts.append("only a test: nothing is wrong")
    if notice.finding:
        parts.append(f"Finding {literal(notice.finding, 200)}")
    if notice.alert and where:
        parts.append(f"Alert {literal(notice.alert, 200)}")
        parts += [literal(one, 200) for one in (notice.service, notice.account, notice.region) if one_line(one)]
    if where and notice.since is not None and (since := moment(notice.since, "{date_short_pretty} {time}")):
        parts.append(f"since {since}")
    if when := moment(notice.at, "{date_short_pretty} {time_secs}"):
        parts.append(when)
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "  ·  ".join(parts), "verbatim": True}]}


def _mention(notice: Notice) -> list[Block]:
    """Return who is called by name: only when something begins, or nobody has answered."""
    who = notice.destination.mention if notice.destination else ""
    if not who or notice.status not in CALLING or notice.to:
        return []
    mark = f"<!subteam^{who}>" if who.startswith("S") else f"<!{who}>" if who in ("here", "channel") else f"<@{who}>"
    return [{"type": "section", "text": {"type": "mrkdwn", "text": mark}}]


def _table(notice: Notice) -> list[Block]:
    """Return a table, in letters of one width: in such a block nothing is read as markup."""
    if not notice.table:
        return []
    lines = drawn(notice.table, WIDE)
    while length("\n".join(lines)) > TABLE:
        lines.pop()
    if not (text := "\n".join(lines)).strip():
        return []
    shown = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "elements": [shown]}]


def _picture(notice: Notice, picture: str) -> list[Block]:
    return [_image(picture, clip(one_line(notice.title) or notice.kind, ALT_TEXT))] if picture else []


def _image(file: str, alt_text: str) -> Block:
    return {"type": "image", "slack_file": {"id": file}, "alt_text": alt_text}


def _file(image: Mapping[str, Any]) -> str:
    file = image.get("slack_file")
    return str(file.get("id") or "") if isinstance(file, Mapping) else ""


def _links(notice: Notice) -> list[Block]:
    shown = [link(text, address, SECTION) for text, address in notice.links[:LINKS]]
    elements = [{"type": "mrkdwn", "text": one, "verbatim": True} for one in shown]
    return [{"type": "context", "elements": elements}] if elements else []


def _history(earlier: Sequence[Earlier]) -> list[Block]:
    # What was told once more with evidence is one thing in its history.
    earlier = [one for one, after in pairwise((*earlier, None)) if one and (after is None or one.line != after.line)]
    shown, left = earlier[-EARLIER:], len(earlier) - EARLIER
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
    about = notice.finding or notice.alert
    value = f"{about}:{notice.question}"
    kinds = [kind for kind in notice.actions if kind in BUTTONS]
    if not (about and kinds) or length(value) > VALUE or value != clip(one_line(value), VALUE):
        return []
    if interactive:
        # The first line tells what the fix is, and is not to be cut.
        first = one_line(notice.lines[0]) if notice.lines else ""
        buttons = [
            _button(kind, value, f"{first}\n{title}" if kind == "approve" and first else title) for kind in kinds
        ]
        if explainable(notice):
            buttons.append({"type": "button", "action_id": EXPLAIN, "value": value, "text": plain("Explain", BUTTON)})
        return [{"type": "actions", "elements": buttons}]
    typed = "\n".join(f"./parapet {kind} {about}{TYPED.get(kind, '')}" for kind in kinds)
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
    # Where nobody is named, "From" is a time.
    names = ("Who", "From") if facts.get("Who") and not notice.alert else ()
    by = " from ".join(one_line(facts[name]) for name in names if facts.get(name))
    first = [line for line in (one_line(line) for line in notice.lines) if line][:1]
    severity = SEVERITIES.get(notice.severity, notice.severity)
    # Not "by": whoever brought it is seldom who undid it.
    where = one_line(notice.service) if notice.alert else ""
    parts = [f"{_heading(notice)} ({severity.split(' ')[-1].lower()})", where, f"Who: {by}" if by else "", *first]
    return clip(". ".join(part.removesuffix(".") for part in parts if part), TEXT)
