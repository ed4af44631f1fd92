"""Lock files and wheels: pinned with hashes, pure Python, complete; and what is said when they are not."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.artefact import ROOT
from deploy.wheels import PackageError, Pin, Wheel, complete, fetch, pins

HASH = "a" * 64


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this file asks a registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def wheel(folder: Path, name: str, tag: str = "py3-none-any", needs: str = "") -> Pin:
    """Make a wheel; returns its pin."""
    path = folder / f"{name}-1.0-{tag}.whl"
    with ZipFile(path, "w") as whole:
        whole.writestr(f"{name}/__init__.py", "")
        whole.writestr(f"{name}/tests/test_it.py", "")
        whole.writestr(f"{name}-1.0.data/scripts/{name}", "")
        lines = f"Name: {name}\nVersion: 1.0\n" + (f"Requires-Dist: {needs}\n" if needs else "")
        whole.writestr(f"{name}-1.0.dist-info/METADATA", lines)
    return Pin(name, "1.0", frozenset({hashlib.sha256(path.read_bytes()).hexdigest()}))


class TestLock:
    def lock(self, folder: Path, text: str) -> Path:
        path = folder / "requirements.txt"
        path.write_text(text, "utf-8")
        return path

    def test_names_versions_and_hashes(self, tmp_path: Path) -> None:
        hashes = (HASH, "b" * 64)
        lines = ["Typing_Extensions==4.0", *(f"    --hash=sha256:{one}" for one in hashes)]
        text = " \\\n".join(lines)
        found = pins(self.lock(tmp_path, f"# a comment\n{text}\n    # via x\n"))
        assert found == (Pin("typing-extensions", "4.0", frozenset(hashes)),)

    def test_leaves_out_what_lambda_does_not_need(self, tmp_path: Path) -> None:
        text = "".join(
            f"{name}==1 ; {marker} --hash=sha256:{HASH}\n"
            for name, marker in {
                "windows": "sys_platform == 'win32'",
                "linux": "sys_platform == 'linux'",
                "old": "python_version < '3.10'",
            }.items()
        )
        assert [pin.name for pin in pins(self.lock(tmp_path, text))] == ["linux"]

    @pytest.mark.parametrize(
        "line",
        ["boto3", "boto3>=1", "boto3==1", f"boto3>=1 --hash=sha256:{HASH}", "-r other.txt", "boto3==1 --hash=md5:1"],
    )
    def test_refuses_what_is_not_pinned(self, tmp_path: Path, line: str) -> None:
        with pytest.raises(PackageError, match="pinned"):
            pins(self.lock(tmp_path, line + "\n"))

    def test_says_what_writes_it(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="is not there: make lock"):
            pins(tmp_path / "requirements.txt")

    def test_ours_agree_and_name_no_registry(self) -> None:
        texts = {name: (ROOT / name).read_text("utf-8") for name in ("requirements.txt", "requirements-dev.txt")}
        assert not [name for name, text in texts.items() if re.search(r"https?:|index-url|file:", text)]
        development = pins(ROOT / "requirements-dev.txt")
        assert set(pins(ROOT / "requirements.txt")) <= set(development)
        assert "chalice" in {pin.name for pin in development}


class TestFetch:
    def test_takes_what_is_there(self, tmp_path: Path) -> None:
        found = fetch([wheel(tmp_path, "one"), wheel(tmp_path, "other", "py2.py3-none-any")], tmp_path)
        assert [one.path.name for one in found] == ["one-1.0-py3-none-any.whl", "other-1.0-py2.py3-none-any.whl"]
        assert found[0].files == ("one/__init__.py", "one/tests/test_it.py")

    @pytest.mark.parametrize(
        "tag", [f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any", "py3-none-manylinux1_x86_64"]
    )
    def test_refuses_a_wheel_that_is_not_pure_python(self, tmp_path: Path, tag: str) -> None:
        with pytest.raises(PackageError, match=r"pure-Python(.|\n)*binary==1\.0"):
            fetch([wheel(tmp_path, "binary", tag)], tmp_path)

    def test_refuses_another_content(self, tmp_path: Path) -> None:
        pin = wheel(tmp_path, "changed")
        with pytest.raises(PackageError, match=r"changed==1\.0"):
            fetch([Pin(pin.name, pin.version, frozenset({HASH}))], tmp_path)

    def test_names_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match=r"Wanted: absent==1\.0\. pip says:\n  ERROR"):
            fetch([wheel(tmp_path, "there"), Pin("absent", "1.0", frozenset({HASH}))], tmp_path)


class TestComplete:
    def test_everything_needed_is_there(self, tmp_path: Path) -> None:
        found = fetch([wheel(tmp_path, "one", needs="other>=0.9"), wheel(tmp_path, "other")], tmp_path)
        complete(found)

    def test_extras_and_other_systems_are_not_needed(self, tmp_path: Path) -> None:
        for needs in ("other; extra == 'more'", "other; sys_platform == 'win32'"):
            complete(fetch([wheel(tmp_path, "one", needs=needs)], tmp_path))

    def test_what_lacks_is_named(self, tmp_path: Path) -> None:
        [one] = fetch([wheel(tmp_path, "one", needs="other>=0.9")], tmp_path)
        with pytest.raises(PackageError, match=r"one==1\.0 needs other>=0\.9, and the lock file does not have it"):
            complete([one])
        with pytest.raises(PackageError, match=r"needs other>=0\.9, and the lock file pins 0\.1: make lock"):
            complete([one, Wheel(Pin("other", "0.1", frozenset()), wheel_path(tmp_path))])


def wheel_path(folder: Path) -> Path:
    wheel(folder, "other")
    return folder / "other-1.0-py3-none-any.whl"
