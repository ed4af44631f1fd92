"""A notice as a Slack message: Block Kit, within Slack's limits whatever the notice holds. Pure.

The first notice of a thread is its *root*: the one message that stands in the channel. Each later notice is a
*reply* in the thread, and the root is rewritten to show it, with what came before as dated lines. So the channel
shows how things are now, the thread shows how they became so, and only the root carries a button: whatever is
shown to press can be pressed.

Nothing that comes from outside is read as markup: titles and lines are `plain_text`, which has none; facts are
`mrkdwn` for the sake of their bold labels, and a value that could be taken for formatting, an emoji or a link is
shown as code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.model import Notice

Block = dict[str, Any]

BLOCKS, HEADER, SECTION, FIELDS, FIELD = 50, 150, 3000, 10, 2000
BUTTON, VALUE, TEXT = 75, 2000, 4000
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30

# More of a text than this no message can show.
READ = 5000
FACTS = 20
EARLIER = 5
EARLIER_LINE = 300
UNDO = "undo"

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
    "trouble": "⚠️",
}
SEVERITIES = {"critical": "🚨 Critical", "high": "🔴 High", "medium": "🟠 Medium", "low": "🔵 Low"}

# What Slack reads as formatting or as the start of a mention, even where the text is escaped; and as an emoji,
# which `:aws:` in the middle of an ARN may well be in somebody's workspace.
MARKUP = frozenset("*_~`@#")
EMOJI = re.compile(r":[^\s:]+:")
# They reorder what a person reads, so that one name can look like another.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a thread told before: when, the status it was, and what was said."""

    at: float
    status: str
    line: str


def root(notice: Notice, earlier: Sequence[Earlier] = ()) -> tuple[str, list[Block]]:
    """Return the text and blocks of the message in the channel: the latest notice, then what came before."""
    title, heading = _one_line(notice.title) or notice.kind, _heading(notice)
    cut = _length(_escaped(heading)) > HEADER
    paragraphs = [title] if cut else []
    blocks: list[Block] = [{"type": "header", "text": _plain(heading, HEADER)}]
    body = "\n".join([*paragraphs, *_lines(notice)])
    if body:
        blocks.append({"type": "section", "text": _plain(body, SECTION)})
    blocks += _facts(notice)
    blocks.append(_context(notice))
    blocks += _history(earlier)
    if notice.undoable and notice.finding and _length(_escaped(notice.finding)) <= VALUE:
        blocks.append({"type": "actions", "elements": [_undo(notice.finding, title)]})
    return _text(notice), blocks


def reply(notice: Notice) -> tuple[str, list[Block]]:
    """Return the text and blocks of a message within a thread: what is new; the facts are in the root."""
    body = "\n".join((_heading(notice), *_lines(notice)))
    return _text(notice), [{"type": "section", "text": _plain(body, SECTION)}, _context(notice)]


def summary(notice: Notice) -> str:
    """Return the one line that a thread keeps of a notice for when it is no longer the latest."""
    lines = [_one_line(line) for line in notice.lines if _one_line(line)]
    return (lines[0] if lines else _one_line(notice.title))[:EARLIER_LINE]


def _heading(notice: Notice) -> str:
    return f"{SYMBOLS.get(notice.status, '•')} {_one_line(notice.title) or notice.kind}"


def _lines(notice: Notice) -> list[str]:
    lines = [line for line in (_clean(line).strip() for line in notice.lines) if line]
    if notice.status == "asked":
        about = _one_line(notice.finding or notice.key)
        lines.append(
            "There is no button for this decision yet. To permit it, on the command line: "
            f"./parapet exempt {about} --until 30d --why REASON. Otherwise make the fix by hand; it is noticed."
        )
    return lines


def _facts(notice: Notice) -> list[Block]:
    fields = [
        {"type": "mrkdwn", "text": f"*{_label(name)}*\n{_literal(value, FIELD - 200)}", "verbatim": True}
        for name, value in notice.facts[:FACTS]
    ]
    blocks: list[Block] = [
        {"type": "section", "fields": fields[start : start + FIELDS]} for start in range(0, len(fields), FIELDS)
    ]
    left = len(notice.facts) - FACTS
    if left > 0:
        blocks.append({"type": "context", "elements": [_plain(f"and {left} facts more, in the journal", SECTION)]})
    return blocks


def _context(notice: Notice) -> Block:
    severity = SEVERITIES.get(notice.severity, f"• {_label(notice.severity)}")
    parts = [f"*{severity}* severity" if notice.kind == "finding" else f"*{severity}*"]
    if notice.finding:
        parts.append(f"Finding {_literal(notice.finding, 200)}")
    if moment := _moment(notice.at, "{date_short_pretty} {time_secs}"):
        parts.append(moment)
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "  ·  ".join(parts), "verbatim": True}]}


def _history(earlier: Sequence[Earlier]) -> list[Block]:
    shown, left = list(earlier)[-EARLIER:], len(earlier) - EARLIER
    blocks: list[Block] = []
    if left > 0:
        blocks.append({"type": "context", "elements": [_plain(f"{left} earlier in the thread", SECTION)]})
    for one in shown:
        when = " ".join(part for part in (SYMBOLS.get(one.status, "•"), _moment(one.at, "{time}")) if part)
        line = _plain(_one_line(one.line) or one.status or "–", EARLIER_LINE)
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": when, "verbatim": True}, line]})
    return blocks


def _undo(finding: str, title: str) -> Block:
    effect = "Undo puts back what was fixed, and permits it for as long as the settings say."
    return {
        "type": "button",
        "action_id": UNDO,
        "value": finding,
        "text": _plain("Undo", BUTTON),
        "style": "danger",
        "confirm": {
            "title": _plain("Undo this fix?", CONFIRM_TITLE),
            "text": _plain(f"{_cut(title, CONFIRM_TEXT - len(effect) - 2)}\n\n{effect}", CONFIRM_TEXT),
            "confirm": _plain("Undo", CONFIRM_BUTTON),
            "deny": _plain("Keep the fix", CONFIRM_BUTTON),
            "style": "danger",
        },
    }


def _text(notice: Notice) -> str:
    facts = dict(notice.facts)
    by = " from ".join(_one_line(facts[name]) for name in ("Who", "From") if facts.get(name))
    first = [line for line in (_one_line(line) for line in notice.lines) if line][:1]
    severity = SEVERITIES.get(notice.severity, notice.severity)
    # Not "by": whoever brought it is seldom who undid it.
    parts = [f"{_heading(notice)} ({severity.split(' ')[-1].lower()})", f"Who: {by}" if by else "", *first]
    return _clip(". ".join(part.removesuffix(".") for part in parts if part), TEXT)


def _moment(at: float, form: str) -> str:
    try:
        fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError, TypeError):
        return ""
    return f"<!date^{int(at)}^{form}|{fallback}>" if at >= 0 else ""


# Text from outside


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": _clip(_clean(text), limit), "emoji": False}


def _label(name: str) -> str:
    kept = "".join(" " if letter in MARKUP or letter == ":" else letter for letter in _one_line(name)).strip()
    return _clip(kept or "Fact", 100)


def _literal(value: str, limit: int) -> str:
    text = _one_line(value)
    if not text:
        return "–"
    if MARKUP.isdisjoint(text) and not EMOJI.search(text):
        return _clip(text, limit)
    # A backtick would end the code; nothing AWS names has one.
    return f"`{_clip(text.replace('`', 'ˋ'), limit)}`"


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return "".join(_visible(letter) for letter in text[:READ])


def _visible(letter: str) -> str:
    if letter in "\n\t":
        return letter
    if letter in DIRECTIONS or unicodedata.category(letter) in ("Cc", "Cs"):
        return "\ufffd"
    return letter


_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _length(text: str) -> int:
    # Slack does not say what it counts; UTF-16 units are the strictest reading.
    return len(text) + sum(letter > "\uffff" for letter in text)


def _clip(text: str, limit: int) -> str:
    """Return a text escaped, and cut so that it is within a limit even so."""
    return _escaped(_cut(text, limit))


def _cut(text: str, limit: int) -> str:
    if _length(_escaped(text)) <= limit:
        return text
    kept, room = [], limit - 1
    for letter in text:
        room -= _length(_ESCAPES.get(letter, letter))
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"
