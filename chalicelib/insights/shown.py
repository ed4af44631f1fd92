"""What queries and their answers look like as JSON, for the HTTP API and the command line's `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.enrich.errors import concealed
from chalicelib.insights import price
from chalicelib.insights.model import Cell, Column, Query
from chalicelib.insights.running import Statistics
from chalicelib.times import exact


def query(one: Query) -> dict[str, Any]:
    """Return a named query: what it answers, what it takes, what it gives."""
    return {
        "id": one.id,
        "title": one.title,
        "about": one.about,
        "logs": list(one.logs),
        "size": one.size,
        "window_seconds": one.window,
        "longest_seconds": one.longest,
        "takes": [
            {"name": each.name, "about": each.about, "default": each.default or None, "needed": each.needed}
            | dict(each.typed())
            for each in one.takes
        ],
        "columns": columns(one.columns),
    }


def columns(some: Sequence[Column]) -> list[dict[str, Any]]:
    """Return columns."""
    return [{"name": one.name, "title": one.title, "type": one.shape, "unit": one.unit or None} for one in some]


def row(found: Mapping[str, Cell], some: Sequence[Column]) -> dict[str, Any]:
    """Return a row, its times in ISO 8601, its whole numbers whole."""
    return {one.name: _cell(found[one.name], one) for one in some}


def statistics(read: Statistics) -> dict[str, Any]:
    """Return what was read."""
    return {"matched": round(read.matched), "scanned": round(read.scanned), "bytes": round(read.bytes)}


def cost(read: float, region: str) -> dict[str, Any]:
    """Return what reading so many bytes costs."""
    found = price.of(read, region)
    return {"bytes_scanned": round(found.bytes), "usd": round(found.usd, 6)}


def _cell(value: Cell, column: Column) -> Any:
    if isinstance(value, float):
        if column.shape == "time":
            return exact(value)
        return int(value) if value.is_integer() and abs(value) < 2**53 else round(value, 6)
    return None if value is None else concealed(value)
