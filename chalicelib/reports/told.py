"""What is said about a run of a report: a notice with its table and chart, or what went wrong; pure."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from dataclasses import replace

from chalicelib.insights import price
from chalicelib.insights.model import Cell, Column
from chalicelib.model import DAY, Notice
from chalicelib.notices import compose
from chalicelib.reports.compare import number, place
from chalicelib.reports.model import Cells, Comparison, Outcome, Report, Run
from chalicelib.times import LATEST, absolute

# So many rows and columns are shown, so many things named in a sentence.
SHOWN, COLUMNS, NAMED = 15, 8, 5
CELL, LABEL, CURVES = 200, 60, 3


def notice(
    report: Report, run: Run, outcome: Outcome, comparison: Comparison | None, span: tuple[float, float]
) -> Notice:
    """Return the news of a run.

    Args:
        report: as the settings have it.
        run: which.
        outcome: what came out of it.
        comparison: how it compares with the run before; None: there is nothing to compare.
        span: from when to when it looked.
    """
    return Notice(
        key=key(run), thread=key(run), kind="digest", severity="low", status="digest",
        title=_title(report, outcome, comparison),
        lines=tuple(_lines(report, run, outcome, comparison)), facts=tuple(_facts(report, run, outcome, span)),
        at=run.since, source="report", name=report.name, service=report.service, destination=report.destination,
        table=_table(outcome), picture=_picture(report, outcome, comparison),
    )  # fmt: skip


def key(run: Run) -> str:
    """Return the key of a run's news, by which channels know what they have told."""
    return f"report:{run.report}:{run.slot}"


def failed(report: Report, run: Run) -> Notice:
    """Return the news that a run was given up."""
    line = "The next one comes by the schedule." if not run.who else "Nothing runs again by itself."
    return _trouble(report, run, "failed", f"Report {report.name} failed", (run.why, line))


def unstored(report: Report, run: Run) -> Notice:
    """Return the news that the rows of a run did not go to S3."""
    return _trouble(report, run, "unstored", f"Report {report.name} is not in S3", (run.unstored,))


def _trouble(report: Report, run: Run, what: str, title: str, lines: tuple[str, ...]) -> Notice:
    facts = (("Report", report.name), ("Run", run.slot), ("Asked by", run.who or "the schedule"))
    found = compose.of_trouble(f"{key(run)}:{what}", title, lines, facts, run.since)
    # It wakes nobody: what it would have told was nothing to be woken for.
    return replace(found, severity="medium", page="", name=report.name, service=report.service)


def _title(report: Report, outcome: Outcome, comparison: Comparison | None) -> str:
    if not outcome.total:
        return f"{report.title}: nothing"
    parts = [f"more than {counted(outcome)}" if outcome.cut else counted(outcome)]
    if comparison:
        counts = (("new", comparison.new), ("gone", comparison.gone), ("worse", comparison.worse))
        parts += [f"{len(some)} {word}" for word, some in counts if some]
    return f"{report.title}: {', '.join(parts)}"


def counted(outcome: Outcome) -> str:
    """Return how many rows there are: `1 row`, `1,204 rows`."""
    return f"{outcome.total:,} {'row' if outcome.total == 1 else 'rows'}"


def _lines(report: Report, run: Run, outcome: Outcome, comparison: Comparison | None) -> Iterator[str]:
    if run.missed:
        several = "a run" if run.missed == 1 else f"{run.missed} runs"
        yield f"Before this one {several} {'was' if run.missed == 1 else 'were'} left out: nothing ran at the time."
    if run.unstored:
        yield f"Not in S3: {run.unstored}"
    if comparison:
        yield from _compared(report, outcome, comparison)
    elif report.key and not run.before:
        yield "There is no run before to compare with."
    if len(outcome.columns) > COLUMNS:
        yield f"Shown are {COLUMNS} of {len(outcome.columns)} columns."
    if outcome.total > SHOWN:
        yield f"Shown are the first {SHOWN} of {outcome.total:,} rows{'; S3 has all' if run.stored else ''}."
    if outcome.cut:
        yield f"Logs Insights has more rows than the {outcome.total:,} that were read: narrow the query, or group them."


def _compared(report: Report, outcome: Outcome, comparison: Comparison) -> Iterator[str]:
    if comparison.new:
        yield f"New: {_named(comparison.new)}"
    if comparison.worse:
        unit = next((one.unit for one in outcome.columns if one.name == report.value), "")
        shown = [f"{label(one.key)} ({_number(one.was, unit)} → {_number(one.now, unit)})" for one in comparison.worse]
        yield f"Worse: {_some(shown)}"
    if comparison.gone:
        yield f"Gone: {_named(comparison.gone)}"
    if not (comparison.new or comparison.worse or comparison.gone):
        yield "Nothing is new, gone or worse since the run before."
    if not comparison.whole:
        yield "Only the first rows of both runs were compared: what is new or gone may have ranked lower."


def _facts(report: Report, run: Run, outcome: Outcome, span: tuple[float, float]) -> Iterator[tuple[str, str]]:
    yield "From", compose.moment(span[0])
    yield "To", compose.moment(run.at)
    yield "Read", f"{price.size(outcome.bytes)}, {price.dollars(outcome.usd)}"
    yield "Log groups", _some(list(outcome.groups))
    if run.stored:
        yield "Rows", run.stored
    yield ("Asked by", run.who) if run.who else ("Runs", report.schedule.text)


def _table(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    if not outcome.rows:
        return ()
    shown = outcome.columns[:COLUMNS]
    body = [tuple(cell(one, column) for one, column in zip(row, shown, strict=False)) for row in outcome.rows[:SHOWN]]
    times = [at for at, column in enumerate(shown) if column.shape == "time"]
    told = (row[at] for row in outcome.rows[:SHOWN] for at in times)
    moments = {one for one in told if isinstance(one, float | int) and 0 <= one < LATEST}
    # By how they are told: what is no time stays what it is.
    brief = {absolute(one).removesuffix(" UTC"): absolute(one)[_brief(moments)] for one in moments}
    body = [tuple(brief.get(one, one) if at in times else one for at, one in enumerate(row)) for row in body]
    return (tuple(one.title for one in shown), *body)


def _brief(moments: Collection[float]) -> slice:
    """Return what of `2026-11-21 07:10:00 UTC` is told of some moments, for which there is little room."""
    if all(one % DAY == 0 for one in moments):
        return slice(0, 10)
    # From when to when it looked the facts tell, with its day and its year.
    if len({one // DAY for one in moments}) == 1:
        return slice(11, 19)
    return slice(5, 16) if len({absolute(one)[:4] for one in moments}) == 1 else slice(0, 16)


def cell(value: Cell, column: Column) -> str:
    """Return a cell as people read it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return " ".join(value.split())[:CELL]
    if column.shape == "time" and 0 <= value < LATEST:
        return absolute(value).removesuffix(" UTC")
    return _number(value, column.unit)


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}" if unit else text


def label(key: Cells) -> str:
    """Return a key as one name."""
    text = " ".join(" ".join(str(one).split()) for one in key if one is not None) or "–"
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"


def _named(keys: tuple[Cells, ...]) -> str:
    return _some([label(one) for one in keys])


def _some(names: list[str]) -> str:
    beyond = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {beyond} more" if beyond > 0 else "")


def _picture(report: Report, outcome: Outcome, comparison: Comparison | None) -> str:
    """Return a chart of the rows in base64: curves where they tell of times, else bars; empty where nothing counts."""
    from chalicelib import chart  # only who has something to draw needs it

    if len(outcome.rows) < 2:
        return ""
    columns, first = outcome.columns, outcome.columns[0]
    if first.shape == "time":
        units = [one.unit for one in columns if one.shape == "number"]
        series = {
            one.title: [
                (number(row[0]), number(row[at])) for row in outcome.rows if None not in (row[0], row[at])
            ]
            for at, one in enumerate(columns)
            if one.shape == "number" and one.unit == units[0]
        }  # fmt: skip
        kept = dict(list(series.items())[:CURVES])
        png = chart.lines(report.title, kept, unit=f" {units[0]}" if units and units[0] else "") if kept else b""
    else:
        places, value = place(outcome, report.key), place(outcome, [report.value])
        if not (places and value):
            return ""
        rows = outcome.rows[:SHOWN]
        keys = [tuple(row[at] for at in places) for row in rows]
        before = [comparison.values.get(one, 0.0) for one in keys] if comparison and comparison.values else None
        unit = columns[value[0]].unit
        values = [number(row[value[0]]) for row in rows]
        png = chart.bars(report.title, [label(one) for one in keys], values, before, f" {unit}" if unit else "")
    return base64.b64encode(png).decode()
