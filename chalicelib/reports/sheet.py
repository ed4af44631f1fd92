"""The rows of a run as a file: CSV for spreadsheets, or JSON; pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.insights.model import Cell, Column, Row
from chalicelib.reports.model import Report, Run, Store
from chalicelib.times import LATEST, exact, iso

KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
# A spreadsheet takes a text that begins so for a formula, and log lines are written by whoever calls.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def name(store: Store, run: Run) -> str:
    """Return the key of a run's file, the same for each try."""
    day = datetime.fromtimestamp(run.at, UTC)
    return f"{store.prefix}{run.report}/{day:%Y/%m/%d}/{run.slot.replace(':', '')}.{store.format}"


def content(
    store: Store, report: Report, run: Run, columns: Sequence[Column], rows: Sequence[Row], span: tuple[float, float]
) -> bytes:
    """Return a run's file."""
    if store.format == "csv":
        told = io.StringIO()
        writer = csv.writer(told)
        writer.writerow([one.name for one in columns])
        writer.writerows([_plain(_value(row[one.name], one)) for one in columns] for row in rows)
        return told.getvalue().encode()
    about = {"report": report.name, "run": run.slot, "from": iso(span[0]), "to": iso(span[1])}
    every = [{one.name: _value(row[one.name], one) for one in columns} for row in rows]
    return json.dumps({**about, "columns": [one.name for one in columns], "rows": every}, ensure_ascii=False).encode()


def _value(value: Cell, column: Column) -> Any:
    if isinstance(value, float):
        if column.shape == "time" and 0 <= value < LATEST:
            return exact(value)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
