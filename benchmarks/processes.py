"""Cold and warm: a guard function beside the bare script, in processes of their own against one moto server."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from benchmarks import moto

RUNS = 9
# Beyond twenty resources in ten minutes Parapet asks instead of fixing, so that a turn has no more.
TURNS, EVENTS, WARMING = 4, 20, 4


@dataclass(frozen=True)
class Spent:
    """What a process spent: CPU milliseconds, peak memory in MB, and the CPU milliseconds of each event."""

    cpu: float
    memory: float
    events: list[float]


def spend(environment: dict[str, str], *arguments: str) -> Spent:
    """Run a Python process to its end and return what it spent; raises RuntimeError when it fails."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, *arguments], env={**os.environ, **environment}, stdout=out, cwd=moto.ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{arguments} failed")
        out.seek(0)
        # The peak is the child's own word: what wait4 reports also counts the parent's pages before exec.
        *events, peak = [float(line) for line in out.read().split()]
        return Spent((usage.ru_utime + usage.ru_stime) * 1000, peak, events)


def _events(events: list[Any]) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(events, file)
    return file.name


def cold(environment: dict[str, str]) -> tuple[list[Spent], list[Spent]]:
    """Return what the bare script and ours spend from start to the first finding fixed, in turns."""
    ec2 = moto.client(environment["AWS_ENDPOINT_URL"], "ec2")
    bare, ours = [], []
    for run in range(RUNS + 1):
        group, _ = moto.opened(ec2, f"cold-bare-{run}")
        one = spend(environment, "-m", "benchmarks.bare", group)
        _, event = moto.opened(ec2, f"cold-ours-{run}")
        path = _events([event])
        other = spend(environment, "-m", "benchmarks.ours", path)
        os.unlink(path)
        if run:  # the first run pays for compiling
            bare.append(one)
            ours.append(other)
    return bare, ours


def warm(environment: dict[str, str], port: int) -> tuple[float, float]:
    """Return the median CPU milliseconds an event takes the bare script and ours; port 22 is a finding."""
    ec2 = moto.client(environment["AWS_ENDPOINT_URL"], "ec2")
    bare: list[float] = []
    ours: list[float] = []
    for turn in range(TURNS):
        groups = [moto.opened(ec2, f"warm-bare-{port}-{turn}-{n}", port)[0] for n in range(EVENTS)]
        bare += spend(environment, "-m", "benchmarks.bare", "warm", *groups).events[WARMING:]
        path = _events([moto.opened(ec2, f"warm-ours-{port}-{turn}-{n}", port)[1] for n in range(EVENTS)])
        moto.forget_limits(environment["AWS_ENDPOINT_URL"])
        ours += spend(environment, "-m", "benchmarks.ours", path).events[WARMING:]
        os.unlink(path)
    return statistics.median(bare), statistics.median(ours)
