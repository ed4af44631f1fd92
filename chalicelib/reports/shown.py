"""What reports and their runs look like as JSON, for the HTTP API and the command line's `--json`; pure."""

from __future__ import annotations

from typing import Any

from chalicelib.insights import shown
from chalicelib.reports.model import Outcome, Report, Run
from chalicelib.times import iso


def report(one: Report, now: float, newest: Run | None, asked: Run | None) -> dict[str, Any]:
    """Return a report with its latest runs."""
    following = next(one.schedule.after(now), None)
    return {
        "name": one.name,
        "title": one.title,
        "query": one.query or None,
        "text": one.text or None,
        "parameters": dict(one.given),
        "service": one.service or None,
        "groups": list(one.groups),
        "tag": one.tag or None,
        "region": one.region or None,
        "schedule": one.schedule.text,
        "window_seconds": one.window,
        "next": iso(following) if following else None,
        "slack": one.destination.slack or None if one.destination else None,
        "email": list(one.destination.email) if one.destination else [],
        "s3": f"s3://{one.store.bucket}/{one.store.prefix}" if one.store else None,
        "last": run(newest) if newest else None,
        "asked": run(asked) if asked else None,
    }


def found(about: dict[str, Any], last: Outcome | None, asked: Outcome | None) -> dict[str, Any]:
    """Return a report with the rows of its schedule's last run that has some, and of the last that was asked for."""
    return {
        "report": about,
        "result": outcome(last) if last else None,
        "asked_result": outcome(asked) if asked else None,
    }


def run(one: Run) -> dict[str, Any]:
    """Return a run: how far it is, and why it came to nothing, if it did."""
    return {
        "run": one.slot,
        "at": iso(one.at),
        "status": one.status,
        "since": iso(one.since),
        "over": one.over,
        "tries": one.tries,
        "missed": one.missed,
        "who": one.who or None,
        "why": one.why or None,
        "s3": one.stored or None,
        "not_in_s3": one.unstored or None,
    }


def outcome(one: Outcome) -> dict[str, Any]:
    """Return what came out of a run: its first rows, and what they cost."""
    names = [column.name for column in one.columns]
    return {
        "run": one.slot,
        "at": iso(one.at),
        "who": one.who or None,
        "columns": shown.columns(one.columns),
        "rows": [shown.row(dict(zip(names, row, strict=True)), one.columns) for row in one.rows],
        "total": one.total,
        "cut": one.cut,
        "groups": list(one.groups),
        "s3": one.stored or None,
        "cost": {"bytes_scanned": round(one.bytes), "usd": round(one.usd, 6)},
    }
