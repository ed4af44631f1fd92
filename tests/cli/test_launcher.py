"""The script at the root of the repository, as it is started from a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.test_docs import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `.venv` is the Python that runs the tests."""
    root = tmp_path / "check out"
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("cli", "chalicelib"):
        (root / name).symlink_to(ROOT / name)
    (root / "parapet").write_bytes((ROOT / "parapet").read_bytes())
    python = root / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    for file in (root / "parapet", python):
        file.chmod(0o755)
    return root


def run(
    program: Path, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})}
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env=given, capture_output=True, text=True, timeout=60, check=False
    )


def test_from_another_folder_and_through_symlinks(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "click.py").write_text("raise SystemExit('not ours')", "utf-8")
    (elsewhere / "one").symlink_to("two")
    (elsewhere / "two").symlink_to(checkout / "parapet")
    done = run(elsewhere / "one", "--help", folder=elsewhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ./parapet [OPTIONS] COMMAND [ARGS]...\n")


def test_without_an_environment_it_says_what_makes_one(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv" / "bin" / "python").unlink()
    done = run(checkout / "parapet", "journal", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`make up`" in done.stderr
    assert "`make test`" in done.stderr


def test_no_traceback_without_credentials(checkout: Path, tmp_path: Path) -> None:
    environment = {"AWS_REGION": "eu-west-1", "PARAPET_TABLE": "t", "AWS_EC2_METADATA_DISABLED": "true"}
    done = run(checkout / "parapet", "status", folder=tmp_path, environment=environment)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("parapet: there are no AWS credentials: set AWS_PROFILE")


def test_is_executable() -> None:
    assert os.access(ROOT / "parapet", os.X_OK)


def test_help_imports_neither_botocore_nor_rich(checkout: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from cli.__main__ import parapet\n"
        "try: parapet(['--help'])\n"
        "except SystemExit: print(sorted({'botocore', 'rich', 'chalicelib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [("guardrails",), ("guardrails", "--json"), ("--help",)])
def test_whoever_reads_no_further_lets_nothing_fail(checkout: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [str(checkout / "parapet"), *arguments], env=environment, stdout=writer, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
