"""A month of the journal as a page for auditors and teams: HTML, Markdown, JSON; pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.api import shape
from chalicelib.model import DAY, Command, Finding
from chalicelib.notices.compose import duration
from chalicelib.times import iso
from cli.month import Fix, Month, Paused, Permission, Tally, status_at, stood_since
from cli.output import printable

ENDS = {"fixed": "fixed", "gone": "gone", "seen": "seen", "permitted": "may stay", "standing": "standing"}
READING = (
    "Times are UTC. A violation is a finding that stood at some time of the month, with permission or without. Each "
    "row tells how its violations ended the month: fixed, gone, seen, may stay and standing add up to them.",
    "Gone: somebody else mended it, or the resource is gone. Seen: an event without a state, such as a sign-in. "
    "May stay: undone or exempted by somebody. Standing: wrong, and permitted by nobody.",
    "The time to fix runs from the call that broke it as CloudTrail tells it; where it was found standing, from when "
    "it was found; after a permission, from when that ended. It counts in the month of the fix, also where people were "
    "asked first, or undid it later.",
    "A violation counts under every control that its guardrail serves, so that the rows of controls do not add up.",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a page comes from: the stage, its accounts, the journal, who had it written, and when."""

    stage: str
    accounts: str
    journal: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class Table:
    """A part of the page: rows under columns, or a sentence where there are none; `after` is what else there is."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    none: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says, whatever it is written in."""

    title: str
    facts: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]


def page(month: Month, source: Source) -> Page:
    """Return a month as a page."""
    period = month.period
    last = period.end - DAY if period.whole else period.until
    whole = "" if period.whole else f", and no further than {_moment(period.until)}: the month is not over"
    return Page(
        f"Parapet, {datetime.fromtimestamp(period.start, UTC):%B %Y}",
        (
            ("Period", f"{_moment(period.start)[:10]} to {_moment(last)[:10]} UTC{whole}"),
            ("Stage", source.stage),
            ("Accounts", source.accounts),
            ("Journal", source.journal),
            ("Written", f"{_moment(source.at)} UTC by {source.who}"),
        ),
        _figures(month),
        (
            Table(
                "Standing at the end", ("finding", "what is wrong", "where", "severity", "status", "for", "seen by"),
                tuple(_standing(one, period.until) for one in month.standing), "Nothing stood without permission.",
            ),
            Table(
                "May stay", ("what", "under", "by", "why", "since", "until"),
                tuple(map(_permission, month.permissions)), "Nothing was permitted to stay.",
            ),
            Table(
                "Decided by people", ("when", "what", "about", "by", "why", "until"),
                tuple(_decision(one, month) for one in month.decisions), "Nobody asked for anything.",
            ),
            Table(
                "Own changes (break-glass)", ("when", "what", "about", "by", "why", "until"),
                tuple(_decision(one, month) for one in month.decisions if one.break_glass),
                "Nobody insisted on deciding about their own change.",
            ),
            Table(
                "Refused or not carried out", ("when", "what", "about", "by", "why", "answer"),
                tuple(_refusal(one, month, source.at) for one in month.refused), "Nothing was refused.",
            ),
            Table(
                "Pauses", ("what", "by", "why", "from", "to"), tuple(map(_pause, month.pauses)),
                "Fixing was not paused.",
            ),
            Table(
                "By control", ("control", *_COLUMNS, "guardrails"),
                tuple((*_tally(one), ", ".join(one.about)) for one in month.controls if one.violations),
                "No control was violated.", _quiet(month.controls),
            ),
            Table(
                "By guardrail", ("guardrail", *_COLUMNS),
                tuple(_tally(one) for one in month.guardrails if one.violations),
                "No guardrail found anything.", _quiet(month.guardrails),
            ),
            Table(
                "Fixed", ("when", "finding", "what was wrong", "where", "brought by", "took", "decided by people"),
                tuple(map(_fixed, month.fixes)), "Nothing was fixed.",
            ),
        ),
    )  # fmt: skip


_COLUMNS = ("violations", "new", *ENDS.values(), "median", "worst")


def _figures(month: Month) -> tuple[tuple[str, str, str], ...]:
    total, worst = month.total, month.total.worst
    alone = Tally("", 0, 0, {}, month.by_itself)
    slowest = f"worst {_took(alone.worst)}" if alone.worst else "no such fix"
    undone = sum(one.kind == "undone" and month.period.has(one.since) for one in month.permissions)
    return (
        ("violations", str(total.violations), f"{total.new} of them new"),
        ("fixes", str(len(month.fixes)), f"{len(month.fixes) - len(month.by_itself)} of them after people were asked"),
        ("median time to fix", _span(total.median), f"worst {_took(worst)}, {worst.finding.id}" if worst else ""),
        ("median, nobody asked", _span(alone.median), slowest),
        ("standing at the end", str(total.ends["standing"]), f"{total.ends['permitted']} more by permission"),
        ("undone", str(undone), f"{len(month.decisions)} commands done, {len(month.refused)} not"),
    )


def _tally(one: Tally) -> tuple[str, ...]:
    first = str(one.violations) if one.watched else f"{one.violations}, off now"
    ends = (str(one.ends[end]) for end in ENDS)
    return (one.name, first, str(one.new), *ends, _span(one.median), _took(one.worst))


def _quiet(tallies: Sequence[Tally]) -> str:
    """Return of which there were no violations, and of which nobody knows."""
    quiet = ", ".join(one.name for one in tallies if one.watched and not one.violations)
    off = ", ".join(one.name for one in tallies if not one.watched)
    return " ".join(
        f"{what}: {names}." for what, names in (("No violations", quiet), ("Not watched (mode off now)", off)) if names
    )


def _standing(one: Finding, until: float) -> tuple[str, ...]:
    age = duration(max(0.0, until - stood_since(one)))
    status = status_at(one, until) or one.status
    return one.id, one.why, _where(one), one.severity, status, age, one.acknowledged


def _permission(one: Permission) -> tuple[str, ...]:
    what = f"{one.what} ({one.finding})" if one.finding else one.what
    until = f"{_moment(one.until)}, by {one.ended_by}" if one.ended_by else _moment(one.until)
    return what, one.kind, one.who, one.why, _moment(one.since), until


def _decision(one: Command, month: Month) -> tuple[str, ...]:
    what = one.answer if one.answer.startswith("ended ") else one.kind
    what += ", break-glass" if one.break_glass else ""
    until = _moment(one.until) if one.until > one.at and one.kind in ("undo", "exempt", "pause") else ""
    return _moment(one.at), what, _about(one, month), _asker(one), one.why, until


def _refusal(one: Command, month: Month, now: float) -> tuple[str, ...]:
    void = one.expires is not None and one.expires <= now
    answer = one.answer or ("void: nobody carried it out in time" if void else "not answered yet")
    return _moment(one.at), one.kind, _about(one, month), _asker(one), one.why, answer


def _pause(one: Paused) -> tuple[str, ...]:
    pause = one.pause
    end = _moment(one.ended) if one.ended is not None else "not ended"
    return (
        str(pause.scope), pause.who, pause.why, _moment(pause.at) if pause.at else "not known",
        f"{end}, by {one.by}" if one.by else end,
    )  # fmt: skip


def _fixed(one: Fix) -> tuple[str, ...]:
    finding = one.finding
    made = finding.actor.who if finding.actor else "not known: found standing"
    return (
        _moment(one.at), finding.id, finding.why, _where(finding), made, _span(one.seconds),
        "yes" if one.decided else "no",
    )  # fmt: skip


def _about(one: Command, month: Month) -> str:
    if not one.finding:
        return str(one.scope)
    return f"{month.whys[one.finding]} ({one.finding})" if one.finding in month.whys else one.finding


def _asker(one: Command) -> str:
    known = f"{one.by} over {one.via}" if one.by and one.via else one.by
    return f"{one.who} ({known})" if known else one.who


def _where(one: Finding) -> str:
    return f"{one.violation.account}, {one.violation.region}"


def _moment(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _span(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


def _took(one: Fix | None) -> str:
    return _span(one.seconds if one else None)


# Written


def as_markdown(page: Page) -> str:
    """Return a page in Markdown."""
    lines = [f"# {_plain(page.title)}", "", *(f"- {name}: {_plain(value)}" for name, value in page.facts), ""]
    lines += _rows(("", "", ""), [(name, f"**{_plain(value)}**", _plain(note)) for name, value, note in page.numbers])
    for one in page.tables:
        rows = [tuple(map(_plain, row)) for row in one.rows]
        lines += ["", f"## {one.title}", "", *(_rows(one.columns, rows) if rows else [one.none])]
        lines += ["", _plain(one.after)] if one.after else []
    return "\n".join([*lines, "", "## How to read this", "", *(f"- {one}" for one in READING), ""])


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is: what people and calls bring must not become a link or a cell."""
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", printable(text)).replace("&", "&amp;").replace("<", "&lt;")


STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #60646c; --line: #d9dbe0; --band: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e7ea; --paper: #15171a; --faint: #a0a5ad; --line: #34383e; --band: #1e2125; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 75rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0 0 .75rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt, .said, small, footer { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0 0; }
.numbers div { padding: .7rem .9rem; border: 1px solid var(--line); border-radius: .5rem; }
.numbers b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.numbers small { display: block; }
table { width: 100%; border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; }
td:first-child { font-weight: 600; }
footer { margin-top: 2rem; font-size: .87rem; }
@media (max-width: 46rem) {
  body { padding: 1rem; }
  thead { display: none; }
  tr { display: block; margin: 0 0 .6rem; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .5rem; }
  td { display: grid; grid-template-columns: 7.5rem 1fr; gap: .5rem; padding: .1rem 0; border: 0; }
  td:empty { display: none; }
  td::before { content: attr(data-of); color: var(--faint); font-weight: 400; }
}
@media print {
  :root { --ink: #000; --paper: #fff; --faint: #444; --line: #bbb; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr, .numbers div { break-inside: avoid; }
}
"""


def as_html(page: Page) -> str:
    """Return a page as one HTML file that needs nothing else and runs nothing."""
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts)
    numbers = "".join(
        f"<div>{_text(name)}<b>{_text(value)}</b><small>{_text(note)}</small></div>"
        for name, value, note in page.numbers
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{_text(page.title)}</h1>\n"
        f'<dl>{facts}</dl>\n<section class="numbers">{numbers}</section>\n{"".join(map(_table, page.tables))}'
        f"<footer>\n<h2>How to read this</h2>\n{''.join(f'<p>{_text(one)}</p>' for one in READING)}\n</footer>\n"
        "</body>\n</html>\n"
    )


def _table(one: Table) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in one.columns)
    body = "".join(f"<tr>{''.join(map(_cell, one.columns, row))}</tr>\n" for row in one.rows)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n" if one.rows else ""
    said = "".join(f'<p class="said">{_text(text)}</p>\n' for text in ("" if one.rows else one.none, one.after) if text)
    return f"<h2>{_text(one.title)}</h2>\n{table}{said}"


def _cell(column: str, value: str) -> str:
    return f'<td data-of="{html.escape(column)}">{_text(value)}</td>'


def _text(value: str) -> str:
    """Return a text as HTML in which long words, such as ARNs, may be broken where one would break them."""
    marked = re.sub(r"([^\s/=_,]{18}|[/=_,])(?=\S)", "\\1\0", printable(value))
    return html.escape(marked).replace("\0", "<wbr>")


def as_json(month: Month, source: Source) -> dict[str, Any]:
    """Return a month for programs."""
    period = month.period
    return {
        "month": period.name,
        "from": iso(period.start),
        "to": iso(period.until),
        "whole": period.whole,
        **asdict(source),
        "at": iso(source.at),
        "total": _counts(month.total),
        "fixes": [_fix(one) for one in month.fixes],
        "standing": [
            {
                **shape.summary(one, period.until),
                "status": _standing(one, period.until)[4],
                "acknowledged": one.acknowledged,
            }
            for one in month.standing
        ],
        "permissions": [
            {**asdict(one), "since": iso(one.since), "until": _iso(one.until)} for one in month.permissions
        ],
        "decisions": [shape.command(one) for one in month.decisions],
        "refused": [shape.command(one) for one in month.refused],
        "pauses": [{**shape.pause(one.pause), "ended": _iso(one.ended), "ended_by": one.by} for one in month.pauses],
        "controls": [{"control": one.name, "guardrails": list(one.about), **_counts(one)} for one in month.controls],
        "guardrails": [{"guardrail": one.name, **_counts(one)} for one in month.guardrails],
    }


def _counts(one: Tally) -> Mapping[str, Any]:
    worst = one.worst
    return {
        "violations": one.violations,
        "new": one.new,
        **one.ends,
        "fixes": len(one.fixes),
        "median_seconds": one.median,
        "worst_seconds": worst.seconds if worst else None,
        "worst_finding": worst.finding.id if worst else None,
        "watched": one.watched,
    }


def _fix(one: Fix) -> dict[str, Any]:
    finding = one.finding
    return {
        "finding": finding.id,
        **asdict(finding.violation),
        "why": finding.why,
        "actor": finding.actor.who if finding.actor else None,
        "at": iso(one.at),
        "seconds": one.seconds,
        "decided": one.decided,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)
