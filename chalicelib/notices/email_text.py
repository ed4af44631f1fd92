"""Notices as e-mails, within what SNS sends: plain text, with evidence, links, and commands to answer with. Pure.

SNS takes a subject of fewer than 100 printable ASCII characters that begins with a letter, a digit or a mark, and a
message of at most 256 KB.
"""

from __future__ import annotations

import textwrap
import unicodedata
from datetime import UTC, datetime

from chalicelib.model import CommandKind, Notice
from chalicelib.notices.slack_text import clean, one_line
from chalicelib.notices.table import drawn

SUBJECT, BODY = 99, 60_000
WIDTH, LINES, FACTS, LINKS, LONG = 78, 60, 60, 30, 2000
# A table is read in columns or not at all.
WIDE = 120
TEST = "[TEST]"
# How each is asked for on the command line, about an alert or a finding.
ASKED: dict[CommandKind, str] = {
    "acknowledge": "./parapet acknowledge {id}",
    "silence": "./parapet silence {id} --for 2h --why REASON",
    "dismiss": "./parapet dismiss {id}",
    "undo": "./parapet undo {id}",
    "approve": "./parapet approve {id}",
    "reject": "./parapet reject {id} --why REASON",
    "exempt": "./parapet exempt {id} --until 30d --why REASON",
}


def subject(notice: Notice) -> str:
    """Return a notice's subject."""
    begin = f"{TEST} " if notice.test else ""
    words = f"{begin}[{notice.severity}] {one_line(notice.title) or notice.status or 'Parapet'}"
    text = " ".join(_ascii(words).split())
    return text if len(text) <= SUBJECT else text[: SUBJECT - 3].rstrip() + "..."


def body(notice: Notice, stage: str) -> str:
    """Return a notice's text; `stage` says which Parapet it comes from."""
    parts = [
        "This only tests the way to you: nothing is wrong." if notice.test else "",
        _wrapped(notice.title),
        "\n".join(_wrapped(line) for line in notice.lines[:LINES] if clean(line).strip()),
        "\n".join(drawn(notice.table, WIDE)),
        _facts(notice),
        _links(notice),
        _asking(notice),
        f"-- \nParapet ({stage}). To answer, use Slack or the command line; nobody reads mails sent back.",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return text if len(text.encode()) <= BODY else text.encode()[:BODY].decode(errors="ignore") + "\n…\n"


def _facts(notice: Notice) -> str:
    since = _moment(notice.since if notice.since is not None else notice.at)
    known = {name for name, _ in notice.facts}
    own = (("Severity", notice.severity), ("Status", notice.status), ("Since" if notice.since else "At", since))
    every = [*((name, value) for name, value in own if value and name not in known), *notice.facts[:FACTS]]
    wide = min(20, max((len(one_line(name)) for name, _ in every), default=0))
    return "\n".join(
        f"{one_line(name)[:60] + ':':<{wide + 1}} {one_line(value)[:LONG] or '-'}" for name, value in every
    )


def _links(notice: Notice) -> str:
    found = [
        f"{one_line(name)[:100] or 'Link'}:\n  {one_line(address)[:LONG]}" for name, address in notice.links[:LINKS]
    ]
    return "\n".join(found)


def _asking(notice: Notice) -> str:
    about = notice.alert or notice.finding
    asked = [ASKED[action].format(id=one_line(about)) for action in notice.actions if about and action in ASKED]
    return "\n".join(["On the command line:", *(f"  {line}" for line in asked)]) if asked else ""


def _wrapped(text: str) -> str:
    """Return a text in lines that a mailbox shows whole; what cannot be broken, such as an ARN, stays whole."""
    lines = clean(text)[:LONG].strip().splitlines()
    return "\n".join(
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False, replace_whitespace=False)
        for line in lines
    )


def _ascii(text: str) -> str:
    """Return a text as ASCII that can be printed: letters without their marks, and a mark for what has no such form."""
    parts = unicodedata.normalize("NFKD", text.replace("–", "-").replace("—", "-").replace("…", "..."))
    kept = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in kept)


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return ""
