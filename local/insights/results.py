"""What goes into a query and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A log event; `account` is what `@log` names before the group."""

    timestamp_ms: int
    message: str
    log_group: str
    log_stream: str = ""
    ingestion_ms: int = 0
    ptr: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many events passed the filters, how many were looked at, and how many bytes they have."""

    records_matched: int = 0
    records_scanned: int = 0
    bytes_scanned: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """Rows of what is there, by field in the order of the columns."""

    rows: tuple[dict[str, str], ...]
    statistics: Statistics
