"""The artefact: what is in it and what is not, that it is the same every time, and what goes with it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.utils import OSUtils
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from chalicelib import __version__
from deploy import package, sbom
from deploy.artefact import ABOUT, CHALICE, LICENCES, ROOT, collect, contents, read, zipped
from deploy.package import BUILD, LIMIT, build, copy, of_tree
from deploy.wheels import PYTHON, PackageError, Pin, Wheel, pins

pytestmark = pytest.mark.xdist_group("package")

RUNTIME = {
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "jwt",
    "s3transfer",
    "slack",
    "slack_sdk",
}
ME = "-c user.name=a -c user.email=a@example.com"
AT = datetime(2026, 11, 18, tzinfo=UTC)
FILES = {"app.py", "six.py", "typing_extensions.py", ABOUT, LICENCES}


@pytest.fixture
def content(artefact: Path) -> dict[str, bytes]:
    with ZipFile(artefact) as whole:
        return {entry.filename: whole.read(entry) for entry in whole.infolist()}


class TestContent:
    def test_nothing_but_the_code_that_runs(self, content: dict[str, bytes]) -> None:
        assert {name.split("/")[0] for name in content} == {
            *FILES, *RUNTIME, "tzdata", "urllib3", "chalice", "chalicelib", "__pycache__",
        }  # fmt: skip
        assert {name for name in content if re.match(r"chalice/\w+\.", name)} == CHALICE
        assert not [
            name for name in content if re.search(r"(^|/)(tests?|bin|local|\.\w+)/|dist-info|\.so$|\.pyi$", name)
        ]

    def test_of_chalice_what_chalice_itself_would_put_there(self) -> None:
        packager = LambdaDeploymentPackager(OSUtils(), None, None)
        names = {name for _, name in packager._iter_app_filenames(str(ROOT))}
        assert {name for name in names if name.startswith("chalice/")} == CHALICE

    def test_all_of_our_code(self, source: Path, content: dict[str, bytes]) -> None:
        ours = [path for path in (source / "chalicelib").rglob("*") if path.is_file() and path.suffix != ".pyc"]
        assert {name for name in content if name.startswith("chalicelib/") and "__pycache__" not in name} == {
            path.relative_to(source).as_posix() for path in ours
        }

    def test_every_source_is_compiled_and_nothing_else_is(self, content: dict[str, bytes]) -> None:
        tag = sys.implementation.cache_tag
        sources = {name for name in content if name.endswith(".py")}
        compiled = {name: f"{Path(name).parent}/__pycache__/{Path(name).stem}.{tag}.pyc" for name in sources}
        assert {path.removeprefix("./") for path in compiled.values()} == {
            name for name in content if "__pycache__" in name or name.endswith(".pyc")
        }
        for name, path in compiled.items():
            pyc = content[path.removeprefix("./")]
            # PEP 552: hash-based, and the hash is not checked, so that a cold start does not read the source.
            assert pyc[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
            assert pyc[8:16] == importlib.util.source_hash(content[name])

    def test_tracebacks_name_files_as_lambda_has_them(self, content: dict[str, bytes]) -> None:
        pyc = content[f"chalicelib/__pycache__/guard.{sys.implementation.cache_tag}.pyc"]
        assert marshal.loads(pyc[16:]).co_filename == "/var/task/chalicelib/guard.py"
        assert not [name for name, one in content.items() if str(ROOT).encode() in one]

    def test_only_models_in_use(self, content: dict[str, bytes]) -> None:
        data = [name.removeprefix("botocore/data/") for name in content if name.startswith("botocore/data/")]
        services = {name.split("/")[0] for name in data if "/" in name}
        assert {"dynamodb", "ec2", "events", "iam", "s3", "s3control", "sqs", "ssm"} <= services
        assert not {"health", "account", "signin"} & services
        assert all(name.endswith(".json") and "examples" not in name for name in data)

    def test_says_what_it_is(self, artefact: Path) -> None:
        about = read(artefact)
        assert (about.version, about.python, about.runtime) == (__version__, PYTHON, f"python{PYTHON}")
        assert (about.commit, about.changed) == ("", True)

    def test_says_which_commit_it_is(self, source: Path, tmp_path: Path) -> None:
        copy(source, tmp_path / "tree")
        for command in ("init --quiet", "add .", f"{ME} commit --quiet -m one --date {AT.isoformat()}"):
            subprocess.run(["git", *command.split()], cwd=tmp_path / "tree", check=True)
        about = of_tree(tmp_path / "tree")
        assert re.fullmatch(r"[0-9a-f]{40}", about.commit)
        assert not about.changed
        (tmp_path / "tree" / "chalicelib" / "new.py").touch()
        assert of_tree(tmp_path / "tree") == replace(about, changed=True)

    def test_other_files_are_not_artefacts(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="make package"):
            read(tmp_path / "parapet.zip")
        (tmp_path / "parapet.zip").write_bytes(b"PK")
        with pytest.raises(PackageError, match="not an artefact of Parapet's"):
            read(tmp_path / "parapet.zip")

    def test_is_small_enough(self, artefact: Path) -> None:
        assert artefact.stat().st_size <= LIMIT


class TestReproducible:
    def test_this_process_builds_the_same(self, source: Path, artefact: Path, content: dict[str, bytes]) -> None:
        # Its hash seed is another, and much more is imported in it.
        files = contents(source, collect(ROOT, BUILD / "wheels"), read(artefact))
        assert {name for name in {**files, **content} if files.get(name) != content.get(name)} == set()
        assert hashlib.sha256(zipped(files)).digest() == hashlib.sha256(artefact.read_bytes()).digest()

    def test_no_entry_says_when_or_by_whom(self, artefact: Path) -> None:
        with ZipFile(artefact) as whole:
            entries = whole.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {(entry.date_time, entry.external_attr >> 16, entry.create_system) for entry in entries} == {
            ((1980, 1, 1, 0, 0, 0), 0o644, 3)
        }


STUB = """
import os, sys
from zipfile import ZipFile, ZipInfo
with ZipFile(sys.argv[1], "w") as whole:
    whole.writestr(ZipInfo("app.py"), {content})
"""


@pytest.fixture
def tree(source: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    copy(source, tmp_path / "tree")
    return tmp_path / "tree"


class TestRefusals:
    def stub(self, tree: Path, content: str) -> None:
        (tree / "deploy" / "artefact.py").write_text(STUB.format(content=content), "utf-8")

    def test_of_two_builds_that_differ(self, artefact: Path, tree: Path, tmp_path: Path) -> None:
        self.stub(tree, 'os.environ["PYTHONHASHSEED"]')
        with pytest.raises(PackageError, match=r"two builds of the same sources differ in app\.py"):
            build(tree, tmp_path)
        assert not (tmp_path / "parapet.zip").exists()

    def test_of_what_is_too_big(self, artefact: Path, tree: Path, tmp_path: Path) -> None:
        self.stub(tree, '"x" * 100')
        with pytest.raises(PackageError, match=r"has \d+ bytes, more than 100: app\.py 100"):
            build(tree, tmp_path, limit=100)
        assert not (tmp_path / "parapet.zip").exists()

    def test_of_code_that_does_not_compile(self, artefact: Path, tree: Path, tmp_path: Path) -> None:
        (tree / "chalicelib" / "guard.py").write_text("def", "utf-8")
        with pytest.raises(PackageError, match=r"^chalicelib/guard\.py does not compile: invalid syntax"):
            build(tree, tmp_path)

    def test_of_a_wheel_that_is_missing(self, artefact: Path, tree: Path, tmp_path: Path, offline: None) -> None:
        lock = tree / "requirements.txt"
        lock.write_text(re.sub(r"slack-sdk==\S+", "slack-sdk==0.0.1", lock.read_text("utf-8")), "utf-8")
        with pytest.raises(PackageError, match=r"slack-sdk==0\.0\.1"):
            build(tree, tmp_path)

    def test_of_a_python_that_lambda_lacks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(package, "PYTHON", "3.9")
        with pytest.raises(PackageError, match=r"this is Python 3\.9, and Parapet runs in Lambda on 3\.11"):
            build(folder=tmp_path)

    @pytest.fixture
    def offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")


class TestBill:
    @pytest.fixture
    def bill(self, artefact: Path) -> dict[str, object]:
        found: dict[str, object] = json.loads(artefact.with_name("sbom.cdx.json").read_text("utf-8"))
        return found

    def test_is_cyclonedx(self, artefact: Path) -> None:
        text = artefact.with_name("sbom.cdx.json").read_text("utf-8")
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    def test_names_what_the_lock_file_pins(self, bill: dict[str, object]) -> None:
        components = {one["name"]: one for one in bill["components"]}  # type: ignore[attr-defined]
        pinned = {pin.name: pin for pin in pins(ROOT / "requirements.txt")}
        assert set(components) == {*pinned, "chalice"}
        for name, pin in pinned.items():
            one = components[name]
            assert (one["version"], one["purl"]) == (pin.version, f"pkg:pypi/{name}@{pin.version}")
            assert one["hashes"][0]["content"] in pin.hashes
            assert one["licenses"]

    def test_says_who_needs_whom(self, bill: dict[str, object]) -> None:
        needs = {
            one["ref"].split("==")[0]: {ref.split("==")[0] for ref in one.get("dependsOn", ())}
            for one in bill["dependencies"]  # type: ignore[attr-defined]
        }
        assert needs["boto3"] == {"botocore", "jmespath", "s3transfer"}
        assert needs["python-dateutil"] == {"six"}
        assert needs["parapet"] == set(needs) - {"parapet"}

    def test_is_of_this_artefact(self, artefact: Path, bill: dict[str, object]) -> None:
        sha256 = hashlib.sha256(artefact.read_bytes()).hexdigest()
        ours = bill["metadata"]["component"]  # type: ignore[index]
        assert (ours["version"], ours["hashes"][0]["content"]) == (__version__, sha256)
        again = sbom.document(collect(ROOT, BUILD / "wheels"), __version__, AT, sha256)
        assert again == sbom.document(collect(ROOT, BUILD / "wheels"), __version__, AT, sha256)
        assert artefact.with_name("parapet.zip.sha256").read_text("utf-8") == f"{sha256}  parapet.zip\n"

    def test_licences_are_listed_with_their_texts(self, artefact: Path, content: dict[str, bytes]) -> None:
        text = artefact.with_name(LICENCES).read_text("utf-8")
        assert text.encode() == content[LICENCES]
        for pin in pins(ROOT / "requirements.txt"):
            assert re.search(rf"^{re.escape(str(pin))}: (Apache-2\.0|MIT|PSF-2\.0)", text, re.MULTILINE)
        assert text.count("Apache License") >= 4
        assert "Permission is hereby granted" in text

    def test_a_licence_that_nobody_has_read_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "odd-1-py3-none-any.whl"
        with ZipFile(path, "w") as whole:
            whole.writestr("odd-1.dist-info/METADATA", "Name: odd\nVersion: 1\nLicense: Do What You Like\n")
        with pytest.raises(PackageError, match="odd==1 says its licence is 'Do What You Like'"):
            sbom.licences([Wheel(Pin("odd", "1", frozenset()), path)])
