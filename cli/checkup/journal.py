"""The journal's table, and the pause switch in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import times
from chalicelib.model import EVERYTHING, Pause
from cli import scopes
from cli.checkup.patient import Patient
from cli.checkup.verdict import NOT_HERE, Verdict, ok, wrong


def journal(patient: Patient) -> Verdict:
    """Can the journal be lost?"""
    if patient.local:
        return NOT_HERE
    table = patient.where.table
    described = patient.aws("dynamodb", "describe_table", TableName=table)["Table"]
    backups = patient.aws("dynamodb", "describe_continuous_backups", TableName=table)
    life = patient.aws("dynamodb", "describe_time_to_live", TableName=table)
    continuous, expiry = backups["ContinuousBackupsDescription"], life["TimeToLiveDescription"]
    return judge_table(described, continuous, expiry, patient.deploy)


def judge_table(table: Mapping[str, Any], backups: Mapping[str, Any], life: Mapping[str, Any], deploy: str) -> Verdict:
    """Judge a table by DescribeTable, its continuous backups and its time to live."""
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    problems = {
        f"it is {table.get('TableStatus')}": table.get("TableStatus") != "ACTIVE",
        "point-in-time recovery is off": recovery != "ENABLED",
        "deletion protection is off": not table.get("DeletionProtectionEnabled"),
        "items never expire": life.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"),
    }
    name = table["TableName"]
    if found := [problem for problem, there in problems.items() if there]:
        return wrong(f"{name}: {', '.join(found)}", f"{deploy} sets what the stack declares")
    return ok(f"{name}: point-in-time recovery, deletion protection, {life.get('AttributeName')} as time to live")


def paused(patient: Patient) -> Verdict:
    """Is fixing paused?"""
    now = patient.outside.now()
    switches = [switch for switch in patient.where.journal.pauses() if switch.on(now)]
    if not switches:
        return ok("fixing is not paused")
    found = [f"{one.who} paused {_what(one)} {_end(one, now)}: {one.why}" for one in switches]
    lifted = ", ".join(f"`./parapet resume{scopes.typed(one.scope)}`" for one in switches)
    return wrong("; ".join(found), f"{lifted}, when the reason is over")


def _what(switch: Pause) -> str:
    return "fixing" if switch.scope == EVERYTHING else f"fixing of {switch.scope}"


def _end(switch: Pause, now: float) -> str:
    return f"until {times.ahead(switch.until, now)}" if switch.until is not None else "until somebody resumes"
