"""What the journal's table holds of reports, and back; pure.

Under `REPORT#<name>` there is an item for each of the schedule's times that was begun (`SLOT#<time>`), one for what
somebody has asked for last (`ASKED`), and beside each what came out of it (`RESULT#<time>`, `ASKED-RESULT`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from chalicelib import records
from chalicelib.insights.model import Column
from chalicelib.model import DAY, ParapetError
from chalicelib.reports.model import Outcome, Run

PREFIX = "REPORT#"
SLOT, RESULT = "SLOT#", "RESULT#"
ASKED, ASKED_RESULT = "ASKED", "ASKED-RESULT"
# Seconds until the table forgets a run; of a report that runs less often, until it has run twice more.
KEPT = 100 * DAY
# An item holds 400 KB.
ROWS, LARGEST = 1000, 300_000


def slot_key(run: Run) -> dict[str, str]:
    """Return the key of a run's item."""
    return {"pk": PREFIX + run.report, "sk": ASKED if run.who else SLOT + run.slot}


def result_key(run: Run) -> dict[str, str]:
    """Return the key of what came out of a run."""
    return {"pk": PREFIX + run.report, "sk": ASKED_RESULT if run.who else RESULT + run.slot}


def run_item(run: Run, expires: float) -> dict[str, Any]:
    """Return a run as its item."""
    record = json.dumps(asdict(replace(run, rev=0)), ensure_ascii=False)
    return {**slot_key(run), "record": record, "rev": run.rev, "over": run.over, "expires": int(expires)}


def run(raw: Mapping[str, Any]) -> Run:
    """Return the run in an item; raises Newer for what a newer Parapet wrote."""
    told = json.loads(raw["record"])
    return records.made(
        Run, {**told, "groups": tuple(told["groups"]), "rev": raw["rev"]}, "a report's run", decisive=False
    )


def outcome_item(run: Run, outcome: Outcome, expires: float) -> dict[str, Any]:
    """Return what came out of a run as its item, with as many of its rows as fit."""
    rows = outcome.rows[:ROWS]
    while len(text := json.dumps(asdict(replace(outcome, rows=rows)), ensure_ascii=False).encode()) > LARGEST:
        if not rows:
            raise ParapetError(f"{run.report}: the names of the columns alone are too long to be kept")
        rows = rows[: len(rows) // 2]
    return {**result_key(run), "record": text.decode(), "expires": int(expires)}


def outcome(raw: Mapping[str, Any]) -> Outcome:
    """Return what came out of a run, as an item holds it; raises Newer."""
    told = json.loads(raw["record"])
    made = {
        **told,
        "columns": tuple(Column(**one) for one in told["columns"]),
        "rows": tuple(tuple(row) for row in told["rows"]),
        "groups": tuple(told["groups"]),
    }
    return records.made(Outcome, made, "a report's result", decisive=False)
