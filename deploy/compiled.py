"""Python source as the `.pyc` that a cold start loads instead of compiling it."""

from __future__ import annotations

import importlib.util
import marshal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.wheels import PackageError

# PEP 552: the file is identified by a hash of its source, which nobody checks.
UNCHECKED = (0b01).to_bytes(4, "little")
# What Python writes depends on what else its process holds: it takes one that holds nothing.
ALONE = (sys.executable, "-I", "-S", "-X", "utf8", "-W", "ignore", str(Path(__file__).with_name("compiling.py")))


def pycs(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return source files compiled by this Python, by where it looks for them; raises PackageError."""
    done = subprocess.run(ALONE, input=marshal.dumps(dict(sorted(sources.items()))), capture_output=True)
    if done.returncode:
        raise PackageError(done.stderr.decode("utf-8").strip())
    codes: dict[str, bytes] = marshal.loads(done.stdout)
    return {
        _path(name): b"".join((importlib.util.MAGIC_NUMBER, UNCHECKED, importlib.util.source_hash(sources[name]), code))
        for name, code in codes.items()
    }


def _path(name: str) -> str:
    # Not cache_from_source: it heeds settings of the builder's Python.
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{file.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
