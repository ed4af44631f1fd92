"""The wheels that are packaged: pinned with hashes in a lock file, pure Python, complete; nothing else is taken."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from chalicelib.model import ParapetError

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What Lambda is, whatever the builder's machine is.
LAMBDA = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "extra": ""}
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class PackageError(ParapetError):
    """The artefact cannot be built; the text names what to mend."""


@dataclass(frozen=True)
class Pin:
    """One line of a lock file: a distribution, its version, and what its files hash to."""

    name: str
    version: str
    hashes: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Wheel:
    """A wheel whose content is what the lock file says."""

    pin: Pin
    path: Path = field(compare=False)

    @cached_property
    def zip(self) -> ZipFile:
        """The wheel, opened."""
        return ZipFile(self.path)

    @cached_property
    def metadata(self) -> Message:
        """The wheel's METADATA."""
        return HeaderParser().parsestr(self.zip.read(f"{self._info}/METADATA").decode("utf-8"))

    @cached_property
    def sha256(self) -> str:
        """The wheel's hash."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def files(self) -> tuple[str, ...]:
        """The files that belong on the path, by name."""
        own = self._info.removesuffix(".dist-info")
        skip = (f"{own}.dist-info/", f"{own}.data/")
        return tuple(sorted(name for name in self.zip.namelist() if not name.startswith(skip) and name[-1] != "/"))

    @property
    def licences(self) -> tuple[str, ...]:
        """The texts under which it may be used."""
        declared = self.metadata.get_all("License-File") or []
        names = (f"{self._info}/{folder}{name}" for name in declared for folder in ("licenses/", ""))
        return tuple(self.zip.read(name).decode("utf-8") for name in names if name in self.zip.namelist())

    @property
    def needs(self) -> tuple[Requirement, ...]:
        """What it needs beside itself where Lambda runs it."""
        wanted = (Requirement(text) for text in self.metadata.get_all("Requires-Dist") or [])
        return tuple(one for one in wanted if _applies(one))

    @cached_property
    def _info(self) -> str:
        return next(name.split("/")[0] for name in self.zip.namelist() if name.endswith(".dist-info/METADATA"))


def pins(lock: Path) -> tuple[Pin, ...]:
    """Return what a lock file pins for Lambda; raises PackageError for a line that is not pinned with a hash."""
    try:
        lines = lock.read_text("utf-8").replace("\\\n", " ").splitlines()
    except FileNotFoundError:
        raise PackageError(f"{lock} is not there: make lock writes it") from None
    found = []
    for line in lines:
        text = line.split(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            wanted = Requirement(text.split(" --hash")[0].strip())
        except InvalidRequirement as error:
            raise PackageError(f"{lock.name}: {text[:60]!r} is not a pinned requirement: make lock") from error
        versions, hashes = list(wanted.specifier), frozenset(HASH.findall(text))
        if len(versions) != 1 or versions[0].operator != "==" or not hashes:
            raise PackageError(f"{lock.name}: {wanted.name} must be pinned with == and a sha256 hash: make lock")
        if _applies(wanted):
            found.append(Pin(canonicalize_name(wanted.name), versions[0].version, hashes))
    return tuple(found)


def fetch(wanted: Sequence[Pin], folder: Path) -> tuple[Wheel, ...]:
    """Return the wheels of some pins, downloading into a folder those that are not there yet; raises PackageError."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in wanted if not _kept(pin, folder)]
    if missing:
        _download(missing, folder)
    found = tuple(Wheel(pin, path) for pin in wanted if (path := _kept(pin, folder)))
    lost = [str(pin) for pin in wanted if pin not in {wheel.pin for wheel in found}]
    if lost:
        raise PackageError(
            f"there is no pure-Python wheel (py3-none-any) of {', '.join(lost)} with a hash of the lock file. Only "
            "such wheels run on every architecture: choose a version that has one, or do without"
        )
    return found


def complete(wheels: Iterable[Wheel]) -> None:
    """Raise PackageError when a wheel needs another that is not among them."""
    there = {wheel.pin.name: wheel.pin.version for wheel in wheels}
    for wheel in wheels:
        for need in wheel.needs:
            version = there.get(canonicalize_name(need.name))
            if version is None or not need.specifier.contains(version, prereleases=True):
                has = f"pins {version}" if version else "does not have it"
                raise PackageError(f"{wheel.pin} needs {need}, and the lock file {has}: make lock")


def _kept(pin: Pin, folder: Path) -> Path | None:
    """Return the wheel of a pin in a folder, if it is there and is what was pinned."""
    for path in sorted(folder.glob("*.whl")):
        name, version, _, tags = parse_wheel_filename(path.name)
        if (name, str(version)) == (pin.name, pin.version) and Tag("py3", "none", "any") in tags:
            return path if hashlib.sha256(path.read_bytes()).hexdigest() in pin.hashes else None
    return None


def _download(missing: Iterable[Pin], folder: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as lock:
        for pin in missing:
            lock.write(f"{pin} {' '.join(f'--hash=sha256:{one}' for one in sorted(pin.hashes))}\n")
        lock.flush()
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
            "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(folder), "-r", lock.name,
            "--implementation", "py", "--abi", "none", "--platform", "any", "--python-version", PYTHON,
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if not line.startswith("WARNING")]
        names = ", ".join(str(pin) for pin in missing)
        raise PackageError(
            "pip did not bring every wheel; only pure-Python ones (py3-none-any) with the lock file's hashes will do. "
            f"Wanted: {names}. pip says:\n  " + "\n  ".join(said[-5:] or ["nothing"])
        )


def _applies(wanted: Requirement) -> bool:
    environment: Mapping[str, str] = {**LAMBDA, "python_version": PYTHON}
    return wanted.marker is None or wanted.marker.evaluate(dict(environment))
