"""Where code is measured from: our artefact, the naive packaging of the same, and what pip installs."""

from __future__ import annotations

import io
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from app import app
from deploy import artefact, package

# What pip installed, compiled by it: what a person's own script runs on.
INSTALLED = sysconfig.get_path("purelib")


@dataclass(frozen=True)
class Packagings:
    """Two folders such as Lambda unpacks, and what they weigh zipped, in bytes."""

    ours: str
    naive: str
    ours_size: int
    naive_size: int


@contextmanager
def unpacked() -> Iterator[Packagings]:
    """Package Parapet, and once more as Chalice does: the wheels unzipped, the code beside them."""
    with tempfile.TemporaryDirectory() as folder:
        path, ours, naive = package.build(), Path(folder, "ours"), Path(folder, "naive")
        with ZipFile(path) as whole:
            whole.extractall(ours)
        for wheel in artefact.collect(artefact.ROOT, package.BUILD / "wheels"):
            chalice = wheel.pin.name == "chalice"
            wheel.zip.extractall(naive, sorted(artefact.CHALICE) if chalice else None)
        for name, content in artefact.ours(artefact.ROOT):
            (naive / name).parent.mkdir(parents=True, exist_ok=True)
            (naive / name).write_bytes(content)
        yield Packagings(str(ours), str(naive), path.stat().st_size, _zipped(naive))


def functions() -> dict[str, str]:
    """Return the module that Lambda imports for each function."""
    handlers = {source.name: source.handler_string for source in app.event_sources} | {"api_handler": "app.app"}
    return {name: handler.rpartition(".")[0] for name, handler in sorted(handlers.items())}


def _zipped(folder: Path) -> int:
    whole = io.BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as target:
        for path in folder.rglob("*"):
            target.write(path, path.relative_to(folder))
    return len(whole.getvalue())
