"""The peak memory of this process, as Linux counts it since exec."""

from __future__ import annotations

from pathlib import Path


def peak() -> float:
    """Return the peak resident memory in MB; raises RuntimeError where /proc does not tell."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")
