"""Text from outside in Slack's messages: shown as it is, never read as markup, within Slack's limits. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

Block = dict[str, Any]

# More of a text than this no message can show.
READ = 5000
# What Slack reads as formatting or as the start of a mention, even where the text is escaped; and as an emoji,
# which `:aws:` in the middle of an ARN may well be in somebody's workspace.
MARKUP = frozenset("*_~`@#")
EMOJI = re.compile(r":[^\s:]+:")
# They reorder what a person reads, so that one name can look like another.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def moment(at: float, form: str) -> str:
    """Return a time for `mrkdwn`, which Slack shows in the reader's zone; an empty text for what is no time."""
    try:
        fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError, TypeError):
        return ""
    return f"<!date^{int(at)}^{form}|{fallback}>" if at >= 0 else ""


def plain(text: str, limit: int) -> Block:
    """Return a text without any markup, within a limit."""
    return {"type": "plain_text", "text": clip(clean(text), limit), "emoji": False}


def label(name: str) -> str:
    """Return a name that can stand in bold."""
    kept = "".join(" " if letter in MARKUP or letter == ":" else letter for letter in one_line(name)).strip()
    return clip(kept or "Fact", 100)


def literal(value: str, limit: int) -> str:
    """Return a value for `mrkdwn`, as code where it could be taken for markup."""
    text = one_line(value)
    if not text:
        return "–"
    if MARKUP.isdisjoint(text) and not EMOJI.search(text):
        return clip(text, limit)
    # A backtick would end the code; nothing AWS names has one.
    return f"`{clip(text.replace('`', 'ˋ'), limit)}`"


def link(name: str, address: str, limit: int) -> str:
    """Return a link for `mrkdwn`; as text where its address is none of https://, or too long to be shown whole."""
    shown = label(name.replace("|", " "))
    if not _leads(address):
        return f"{shown}: {literal(address, limit - length(shown) - 4)}"
    # What would end the link is what an address may hold in another way, too.
    safe = escaped(quote(address, safe="!#$%&'()*+,/:;=?@[]~-._"))
    made = f"<{safe}|{shown}>"
    return made if length(made) <= limit else f"{shown}: its address is too long for Slack"


def _leads(address: str) -> bool:
    if not (address.isascii() and address.isprintable()) or any(letter in address for letter in " \\"):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def one_line(text: str) -> str:
    """Return a text on one line, with nothing invisible in it."""
    return " ".join(clean(text).split())


def clean(text: str) -> str:
    """Return a text with what cannot be seen, or turns its direction, made visible."""
    return "".join(_visible(letter) for letter in text[:READ])


def _visible(letter: str) -> str:
    if letter in "\n\t":
        return letter
    if letter in DIRECTIONS or unicodedata.category(letter) in ("Cc", "Cs"):
        return "\ufffd"
    return letter


ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str) -> str:
    """Return a text in which Slack finds no link or mention."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def length(text: str) -> int:
    """Return a text's length as Slack may count it."""
    # Slack does not say what it counts; UTF-16 units are the strictest reading.
    return len(text) + sum(letter > "\uffff" for letter in text)


def clip(text: str, limit: int) -> str:
    """Return a text escaped, and cut so that it is within a limit even so."""
    return escaped(cut(text, limit))


def cut(text: str, limit: int) -> str:
    """Return a text cut so that it is within a limit once it is escaped."""
    if length(escaped(text)) <= limit:
        return text
    kept, room = [], limit - 1
    for letter in text:
        room -= length(ESCAPES.get(letter, letter))
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"
