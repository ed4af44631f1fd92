"""The artefact that Lambda gets: pinned wheels without what nobody reads, our own code, botocore's data cut.

`python -m deploy.artefact ZIP WHEELS ABOUT` builds it once; `deploy.package` does so twice, and compares.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo
from zipfile import Path as ZipPath

from deploy import compiled, models, sbom, wheels
from deploy.wheels import PackageError, Pin, Wheel

ROOT = Path(__file__).parent.parent
ABOUT, LICENCES = "parapet-build.json", "licences.txt"
SHIPPED = ("app.py", "chalicelib")
# Of Chalice, Lambda gets what Chalice itself would put there.
CHALICE = frozenset({"chalice/__init__.py", "chalice/app.py"})
DATA = "botocore/data/"
# Read by nobody at run time; botocore's data is cut instead.
LEFT_OUT = (
    "boto3/data/", "boto3/examples/", DATA,
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/", "urllib3/contrib/emscripten/",
)  # fmt: skip
NEVER = frozenset({"tests", "test", "__pycache__"})
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Build:
    """What an artefact says about itself.

    Args:
        version: Parapet's.
        commit: what it was built from; empty where there is no git.
        changed: whether the tree had changes that are not committed.
        at: when that commit was made.
        python: the one Python that it is compiled for.
    """

    version: str
    commit: str
    changed: bool
    at: str
    python: str

    @property
    def runtime(self) -> str:
        """The Lambda runtime that it is for; another would run it, but compile every file at every cold start."""
        return f"python{self.python}"


def read(path: Path) -> Build:
    """Return what an artefact says about itself; raises PackageError for anything else."""
    try:
        with ZipFile(path) as artefact:
            return Build(**json.loads(artefact.read(ABOUT)))
    except FileNotFoundError:
        raise PackageError(f"{path} is not there: make package") from None
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{path} is not an artefact of Parapet's: {error}") from None


def collect(root: Path, folder: Path) -> tuple[Wheel, ...]:
    """Return the wheels that a source tree's lock files name, from a folder or the registry; raises PackageError."""
    # Chalice's own needs are its command line's.
    chalice = [pin for pin in wheels.pins(root / "requirements-dev.txt") if pin.name == "chalice"]
    if not chalice:
        raise PackageError("requirements-dev.txt does not pin chalice: make lock")
    found = wheels.fetch((*wheels.pins(root / "requirements.txt"), *chalice), folder)
    wheels.complete([wheel for wheel in found if wheel.pin.name != "chalice"])
    return found


def contents(root: Path, there: Sequence[Wheel], about: Build) -> Files:
    """Return the files of the artefact by name, sources with what is compiled from them; raises PackageError."""
    files: dict[str, bytes] = {}
    for wheel in there:
        for name in wheel.files:
            if _taken(wheel.pin, name):
                if name in files:
                    raise PackageError(f"{wheel.pin} has {name}, and so has another wheel")
                files[name] = wheel.zip.read(name)
    own = dict(ours(root))
    files |= own
    files |= compiled.pycs({name: text for name, text in files.items() if name.endswith(".py")})
    files |= _models(there, (text for name, text in own.items() if name.endswith(".py")))
    files[ABOUT] = (json.dumps(asdict(about), indent=2) + "\n").encode()
    files[LICENCES] = sbom.licences(there).encode()
    return files


def ours(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of our own that ship, by name."""
    for name in SHIPPED:
        for path in (root / name, *(root / name).rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("."):
                yield path.relative_to(root).as_posix(), path.read_bytes()


def zipped(files: Files) -> bytes:
    """Return the zip of some files: of the same files, always the same bytes."""
    whole = io.BytesIO()
    with ZipFile(whole, "w") as target:
        for name, content in sorted(files.items()):
            entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            target.writestr(entry, content, ZIP_DEFLATED, 9)
    return whole.getvalue()


def _models(there: Iterable[Wheel], sources: Iterable[bytes]) -> Files:
    botocore = next(wheel for wheel in there if wheel.pin.name == "botocore")
    cut = models.cut(ZipPath(botocore.zip, DATA), (source.decode("utf-8") for source in sources))
    return {DATA + name: content for name, content in cut.items()}


def _taken(pin: Pin, name: str) -> bool:
    if pin.name == "chalice":
        return name in CHALICE
    types = name.endswith((".pyi", "/py.typed"))
    return not types and not name.startswith(LEFT_OUT) and not NEVER & set(name.split("/"))


def main(arguments: Sequence[str]) -> int:
    """Build the artefact once, from the tree that this file is in and a folder of wheels."""
    path, folder, about = arguments
    try:
        content = zipped(contents(ROOT, collect(ROOT, Path(folder)), Build(**json.loads(about))))
    except PackageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    Path(path).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
