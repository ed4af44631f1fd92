"""`make package`: `build/parapet.zip`, its hash, its bill of materials and its licences.

It is built twice, from two copies of the tree and under different circumstances; when they differ, nothing is written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

from deploy import sbom
from deploy.artefact import LICENCES, ROOT, SHIPPED, Build, collect
from deploy.wheels import PYTHON, PackageError

BUILD = ROOT / "build"
LIMIT = 12_000_000
# Lambda's runtimes that Parapet runs on: the artefact is for the builder's own.
RUNTIMES = ("3.11", "3.12", "3.13")
GENERATED = shutil.ignore_patterns("__pycache__")
SOURCES = (*SHIPPED, "deploy", "requirements.txt", "requirements-dev.txt", "pyproject.toml")


def build(root: Path = ROOT, folder: Path = BUILD, kept: Path = BUILD / "wheels", limit: int = LIMIT) -> Path:
    """Build twice, compare, and write the artefact with what goes with it; returns its path.

    Args:
        root: the tree that is packaged.
        folder: where to write.
        kept: where wheels are, and those that are not yet are downloaded to.
        limit: how many bytes the artefact may have.

    Raises:
        PackageError: naming the wheel that is missing, what is too big, or what differs.
    """
    if PYTHON not in RUNTIMES:
        raise PackageError(f"this is Python {PYTHON}, and Parapet runs in Lambda on {', '.join(RUNTIMES)}: set PYTHON")
    about, there = of_tree(root), collect(root, kept)
    content = _twice(root, kept, about)
    if len(content) > limit:
        raise PackageError(f"the artefact has {len(content):,} bytes, more than {limit:,}: {_biggest(content)}")
    sha256 = hashlib.sha256(content).hexdigest()
    bill = sbom.document(there, about.version, datetime.fromisoformat(about.at), sha256)
    path = folder / "parapet.zip"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_suffix(".zip.sha256").write_text(f"{sha256}  {path.name}\n", "utf-8")
    (folder / "sbom.cdx.json").write_text(bill, "utf-8")
    (folder / LICENCES).write_text(sbom.licences(there), "utf-8")
    return path


def of_tree(root: Path) -> Build:
    """Return what an artefact of a source tree says about itself; raises PackageError when git does not tell."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if not (root / ".git").exists():
        return Build(version, "", True, "1980-01-01T00:00:00+00:00", PYTHON)
    commit, at = _git(root, "show", "--no-patch", "--format=%H %cI", "HEAD").split()
    changed = bool(_git(root, "status", "--porcelain", "--", *SOURCES))
    return Build(version, commit, changed, datetime.fromisoformat(at).astimezone(UTC).isoformat(), PYTHON)


def _git(root: Path, *arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        raise PackageError("git is not there: it tells which commit is packaged") from None
    except subprocess.CalledProcessError as error:
        raise PackageError(f"git does not tell which commit is packaged: {error.stderr.strip()}") from None


def _twice(root: Path, kept: Path, about: Build) -> bytes:
    """Return the artefact as two processes build it; raises PackageError when they do not build the same."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        here, elsewhere = Path(one, "tree"), Path(other, "another tree")
        # The second is a copy of the first: whoever edits a file meanwhile makes no difference.
        copy(root, here)
        copy(here, elsewhere)
        runs = [
            _Run(here, kept, about, 0o022, PYTHONHASHSEED="0", TMPDIR=one, TZ="UTC"),
            _Run(elsewhere, kept, about, 0o077, PYTHONHASHSEED="1", TMPDIR=other, TZ="Asia/Tokyo", LC_ALL="C"),
        ]
        # Both come to their end before one of them is said to have failed: the folders go.
        for run in runs:
            run.wait()
        first, second = [run.result() for run in runs]
    if first != second:
        raise PackageError(f"two builds of the same sources differ in {', '.join(_different(first, second))}")
    return first


def copy(root: Path, target: Path) -> None:
    """Copy what an artefact is built from."""
    target.mkdir()
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(root / name, target / name, ignore=GENERATED, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(root / name, target / name)


class _Run:
    """One build in a process of its own."""

    def __init__(self, tree: Path, kept: Path, about: Build, umask: int, **environment: str) -> None:
        self._path = tree / "parapet.zip"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        given = (str(self._path), str(kept.resolve()), json.dumps(asdict(about)))
        command = [sys.executable, "-m", "deploy.artefact", *given]
        self._process = subprocess.Popen(
            command, cwd=tree, env={**clean, **environment}, umask=umask, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> None:
        """Wait for its end."""
        _, self._said = self._process.communicate()

    def result(self) -> bytes:
        """Return the artefact; raises PackageError with what the process said."""
        if self._process.returncode:
            raise PackageError(self._said.strip())
        return self._path.read_bytes()


def _different(one: bytes, other: bytes) -> list[str]:
    first, second = (
        {entry.filename: entry.CRC for entry in ZipFile(io.BytesIO(content)).infolist()} for content in (one, other)
    )
    names = sorted(name for name in first | second if first.get(name) != second.get(name))
    return names[:10] or ["how they are zipped"]


def _biggest(content: bytes) -> str:
    sizes: dict[str, int] = {}
    for entry in ZipFile(io.BytesIO(content)).infolist():
        top = entry.filename.split("/")[0]
        sizes[top] = sizes.get(top, 0) + entry.compress_size
    return ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:5])


def main() -> int:
    """Build the artefact; returns the exit code."""
    try:
        path = build()
    except PackageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes, for python{PYTHON}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
