"""The artefact, built once for all tests of it, and unpacked as Lambda does."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy import package
from deploy.artefact import ROOT


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, which nobody edits while tests look at it."""
    folder = tmp_path_factory.mktemp("source") / "tree"
    package.copy(ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def artefact(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`parapet.zip`, with what goes with it beside it."""
    return package.build(source, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def task(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact, unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("task")
    with ZipFile(artefact) as whole:
        whole.extractall(folder)
    return folder
