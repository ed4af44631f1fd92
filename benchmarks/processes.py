"""Cold and warm: a guard function beside the bare script, in processes of their own against one moto server."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import moto
from benchmarks.packagings import INSTALLED

RUNS = 9
# Beyond twenty resources in ten minutes Parapet asks instead of fixing, so that a turn has no more.
TURNS, EVENTS, WARMING = 4, 20, 4


@dataclass(frozen=True)
class Spent:
    """What a process spent: CPU milliseconds, peak memory in MB, and the CPU milliseconds of each event."""

    cpu: float
    memory: float
    events: list[float]


def spend(environment: dict[str, str], script: str, path: str, *arguments: str) -> Spent:
    """Run a script to its end, with nothing else on the path; raises RuntimeError when it fails.

    It writes no `.pyc`, as in Lambda, where the code cannot be written to.
    """
    with tempfile.TemporaryFile() as out:
        command = [sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name(script)), path, *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PARAPET_"))}
        process = subprocess.Popen(command, env={**clean, **environment}, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{script} {arguments} failed")
        out.seek(0)
        # The peak is the child's own word: what wait4 reports also counts the parent's pages before exec.
        *events, peak = json.loads(out.read().splitlines()[-1])
        return Spent((usage.ru_utime + usage.ru_stime) * 1000, peak, events)


def cpu(runs: Sequence[Spent]) -> float:
    """Return the median CPU milliseconds of some runs."""
    return statistics.median(run.cpu for run in runs)


def memory(runs: Sequence[Spent]) -> float:
    """Return the highest peak of some runs, in MB."""
    return max(run.memory for run in runs)


def imported(*wanted: tuple[str, str], runs: int = RUNS) -> list[list[Spent]]:
    """Return, for some paths and modules, what a process spends that imports the module and ends; in turns."""
    environment = {**moto.KEYS, "AWS_LAMBDA_FUNCTION_NAME": "bench"}
    turns = [[spend(environment, "importing.py", *one) for one in wanted] for _ in range(runs)]
    return [list(spent) for spent in zip(*turns, strict=True)]


def cold(environment: dict[str, str], *paths: str) -> list[list[Spent]]:
    """Return what is spent from start to the first finding fixed, in turns: by the bare script, by ours in folders."""
    ec2 = moto.client(environment["AWS_ENDPOINT_URL"], "ec2")
    found: list[list[Spent]] = [[] for _ in range(len(paths) + 1)]
    for run in range(RUNS):
        group, _ = moto.opened(ec2, f"cold-bare-{run}")
        found[0].append(spend(environment, "bare.py", INSTALLED, group))
        for number, path in enumerate(paths, 1):
            _, event = moto.opened(ec2, f"cold-{number}-{run}")
            found[number].append(_ours(environment, path, [event]))
        moto.forget_limits(environment["AWS_ENDPOINT_URL"])
    return found


def warm(environment: dict[str, str], path: str, port: int) -> tuple[float, float]:
    """Return the median CPU milliseconds an event takes the bare script and ours; port 22 is a finding."""
    ec2 = moto.client(environment["AWS_ENDPOINT_URL"], "ec2")
    bare: list[float] = []
    ours: list[float] = []
    for turn in range(TURNS):
        groups = [moto.opened(ec2, f"warm-bare-{port}-{turn}-{n}", port)[0] for n in range(EVENTS)]
        bare += spend(environment, "bare.py", INSTALLED, *groups).events[WARMING:]
        events = [moto.opened(ec2, f"warm-ours-{port}-{turn}-{n}", port)[1] for n in range(EVENTS)]
        moto.forget_limits(environment["AWS_ENDPOINT_URL"])
        ours += _ours(environment, path, events).events[WARMING:]
    return statistics.median(bare), statistics.median(ours)


def _ours(environment: dict[str, str], path: str, events: list[Any]) -> Spent:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(events, file)
        file.flush()
        return spend(environment, "ours.py", path, file.name)
