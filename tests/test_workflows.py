"""GitHub's workflows: valid, pinned, with the least rights; and their scripts do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github" / "workflows"
BIN = Path(sys.executable).parent
ZIZMOR = (str(BIN / "zizmor"), "--offline", "--no-progress")
FILES = sorted(FOLDER.glob("*.yml"))
FLOWS: dict[str, Any] = {file.stem: YAML(typ="safe").load(file) for file in FILES}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
JOBS = [(flow, name, job) for flow, document in FLOWS.items() for name, job in document["jobs"].items()]
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
every = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
every_job = pytest.mark.parametrize(("flow", "name", "job"), JOBS, ids=lambda one: one if isinstance(one, str) else "")

FAKE_GH = """#!{python}
import json, os, sys
store, arguments = "{store}", sys.argv[1:]
comments = json.load(open(store))
assert arguments[0] == "api" and os.environ["GH_TOKEN"] == "token"
if "--method" not in arguments:
    assert arguments[1:3] == ["--paginate", "repos/octo/parapet/issues/7/comments"], arguments
    mark = os.environ["mark"]
    for one in comments:
        if one["user"]["login"] == "github-actions[bot]" and one["body"].startswith(mark):
            print(one["id"])
    sys.exit()
_, _, _, method, path, _, field = arguments
body = open(field.removeprefix("body=@")).read()
if method == "POST":
    assert path == "repos/octo/parapet/issues/7/comments", path
    comments.append({{"id": 100 + len(comments), "user": {{"login": "github-actions[bot]"}}, "body": body}})
else:
    [there] = [one for one in comments if path == f"repos/octo/parapet/issues/comments/{{one['id']}}"]
    there["body"] = body
json.dump(comments, open(store, "w"))
"""


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for flow, name, job in JOBS:
        for step in job.get("steps", []):
            yield f"{flow}.{name}", step


def script(flow: str, job: str, name: str) -> str:
    [step] = [step for step in FLOWS[flow]["jobs"][job]["steps"] if step.get("name") == name]
    return str(step["run"])


def run(text: str, folder: Path, **environment: str) -> None:
    """Run a step's script as GitHub does."""
    environment |= {"PATH": f"{folder}:{BIN}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-e", "-c", text], cwd=folder, env=environment, check=True, timeout=30)


class TestTools:
    @every
    def test_the_schema_of_githubs_workflows(self, file: Path) -> None:
        command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(file)]
        subprocess.run(command, check=True, timeout=60, capture_output=True)

    def test_zizmor_finds_nothing(self) -> None:
        command = [*ZIZMOR, "--pedantic", "--strict-collection", str(FOLDER)]
        done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

    def test_zizmor_would_find_something(self, tmp_path: Path) -> None:
        broken = (FOLDER / "test.yml").read_text("utf-8").replace("persist-credentials: false", "fetch-depth: 1")
        (tmp_path / "test.yml").write_text(broken, "utf-8")
        command = [*ZIZMOR, str(tmp_path / "test.yml")]
        done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
        assert "artipacked" in done.stdout


class TestRights:
    def test_there_are_the_three(self) -> None:
        assert sorted(FLOWS) == ["changes", "deploy", "test"]

    def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(self) -> None:
        lines = [line.strip() for file in FILES for line in file.read_text("utf-8").splitlines() if "uses:" in line]
        assert lines
        for line in lines:
            ours = line == "uses: $/.github/workflows/test.yml"
            assert ours or re.fullmatch(r"(- )?uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line

    def test_one_action_is_one_commit_everywhere(self) -> None:
        pins = {step["uses"] for _, step in steps() if "uses" in step}
        assert len({pin.split("@")[0] for pin in pins}) == len(pins)

    @every
    def test_no_secret_is_used(self, file: Path) -> None:
        assert "secrets" not in file.read_text("utf-8")

    @every
    def test_nothing_runs_with_the_rights_of_the_base_for_code_of_a_fork(self, file: Path) -> None:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(FLOWS[file.stem]["on"])

    @every_job
    def test_what_a_jobs_token_may(self, flow: str, name: str, job: dict[str, Any]) -> None:
        default = FLOWS[flow]["permissions"]
        assert default in ({}, {"contents": "read"})
        allowed = job.get("permissions", default)
        expected = {
            ("deploy", "deploy"): {"contents": "read", "id-token": "write"},
            ("changes", "changes"): {"contents": "read", "id-token": "write"},
            ("changes", "comment"): {"pull-requests": "write"},
        }
        assert allowed == expected.get((flow, name), {"contents": "read"})

    def test_no_code_of_a_pull_request_meets_a_token_that_writes(self) -> None:
        for flow, name, job in JOBS:
            runs_ours = any("checkout" in step.get("uses", "") for step in job.get("steps", []))
            writes = set(job.get("permissions", {}).items()) & {("pull-requests", "write"), ("contents", "write")}
            assert not (runs_ours and writes), f"{flow}.{name}"

    def test_only_what_assumes_a_role_may_ask_for_an_identity_and_no_key_is_known(self) -> None:
        for flow, name, job in JOBS:
            assumes = [s["with"] for s in job.get("steps", []) if "configure-aws-credentials" in s.get("uses", "")]
            assert bool(assumes) == ("id-token" in job.get("permissions", {})), f"{flow}.{name}"
            for given in assumes:
                assert set(given) == {"role-to-assume", "role-session-name", "aws-region"}
                assert given["role-to-assume"].startswith("${{ vars.")

    def test_a_pull_request_from_a_fork_is_left_alone_politely(self) -> None:
        job = FLOWS["changes"]["jobs"]["changes"]
        assert "head.repo.full_name == github.repository" in job["if"]
        assert "vars.AWS_CHANGES_ROLE != ''" in job["if"]
        assert FLOWS["changes"]["jobs"]["comment"]["needs"] == "changes"

    def test_a_deployment_is_tested_and_asks_the_environments_reviewers(self) -> None:
        job = FLOWS["deploy"]["jobs"]["deploy"]
        assert job["needs"] == "test"
        assert job["environment"] == "${{ inputs.stage || vars.PARAPET_STAGE }}"
        assert FLOWS["deploy"]["concurrency"]["cancel-in-progress"] is False


class TestCare:
    @every
    def test_runs_of_one_kind_wait_for_each_other(self, file: Path) -> None:
        assert FLOWS[file.stem]["concurrency"]["group"].startswith(f"{file.stem}-")

    @every_job
    def test_no_job_hangs_for_hours(self, flow: str, name: str, job: dict[str, Any]) -> None:
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 60

    @every_job
    def test_every_make_target_is_in_the_makefile(self, flow: str, name: str, job: dict[str, Any]) -> None:
        text = " ".join(step.get("run", "") for step in job.get("steps", []))
        for target in re.findall(r"\bmake (?:--\S+ )*([a-z-]+)", text):
            assert target in TARGETS, target

    def test_the_scripts_are_bash_and_put_no_expression_into_it(self) -> None:
        for where, step in steps():
            if "run" in step:
                assert not EXPRESSION.search(step["run"]), where
                subprocess.run(["bash", "-n", "-c", step["run"]], check=True, timeout=10)

    def test_what_is_referred_to_is_there(self) -> None:
        for _flow, _name, job in JOBS:
            ids = {step.get("id") for step in job.get("steps", [])}
            for one in re.findall(r"steps\.(\w+)\.outputs", json.dumps(job)):
                assert one in ids
        outputs = FLOWS["changes"]["jobs"]["changes"]["outputs"]
        assert re.findall(r"needs\.changes\.outputs\.(\w+)", json.dumps(FLOWS["changes"])) == list(outputs)

    def test_every_python_that_we_promise_is_tried(self) -> None:
        job = FLOWS["test"]["jobs"]["test"]
        assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
        assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run", "make package"]


class TestScripts:
    def test_the_text_is_handed_over_whole(self, tmp_path: Path) -> None:
        output = self._handed_over(tmp_path, "change set\n+ GuardEc2 ü\nend\n".encode())
        assert output.rstrip("\n") == "change set\n+ GuardEc2 ü\nend"

    def test_of_a_text_that_is_too_long_as_much_as_a_comment_holds(self, tmp_path: Path) -> None:
        assert 59_000 < len(self._handed_over(tmp_path, b"\xff" + b"x" * 100_000)) <= 60_001

    def _handed_over(self, folder: Path, text: bytes) -> str:
        (folder / "changes.txt").write_bytes(text)
        written = folder / "output"
        run(script("changes", "changes", "Hand it over"), folder, RUNNER_TEMP=str(folder), GITHUB_OUTPUT=str(written))
        first, rest = written.read_text("utf-8").split("\n", 1)
        name, end = first.split("<<")
        assert name == "text"
        assert rest.endswith(f"\n{end}\n")
        assert rest.count(end) == 1
        return rest.removesuffix(f"{end}\n")

    def test_a_comment_is_written_once_and_then_written_anew(self, tmp_path: Path) -> None:
        store = tmp_path / "comments.json"
        other = {"id": 1, "user": {"login": "mallory"}, "body": "<!-- parapet changes prod --> not ours"}
        store.write_text(json.dumps([other]), "utf-8")
        for text in ("first `x` $(rm -rf /) \"'\n```", "second"):
            self._comment(tmp_path, store, "prod", text)
        self._comment(tmp_path, store, "test", "of another stage")
        foreign, prod, test = json.loads(store.read_text("utf-8"))
        assert foreign == other
        assert "second" in prod["body"]
        assert "first" not in prod["body"]
        assert prod["body"].startswith("<!-- parapet changes prod -->\nWhat deploying abc to `prod` would change:")
        assert "of another stage" in test["body"]

    def _comment(self, folder: Path, store: Path, stage: str, text: str) -> None:
        fake = folder / "gh"
        fake.write_text(FAKE_GH.format(python=sys.executable, store=store), "utf-8")
        fake.chmod(0o755)
        run(
            script("changes", "comment", "Write the comment, or write it anew"), folder,
            GH_TOKEN="token", REPOSITORY="octo/parapet", NUMBER="7", COMMIT="abc", STAGE=stage, TEXT=text,
        )  # fmt: skip

    @pytest.mark.skipif(not shutil.which("jq"), reason="there is no jq, which gh has built in")
    def test_our_comment_is_told_from_others(self) -> None:
        text = script("changes", "comment", "Write the comment, or write it anew")
        [query] = re.findall(r"'(\.\[\].*?)'", text)
        bot = {"login": "github-actions[bot]"}
        comments = [
            {"id": 1, "user": {"login": "mallory"}, "body": "<!-- m --> x"},
            {"id": 2, "user": bot, "body": "of another workflow"},
            {"id": 3, "user": bot, "body": "<!-- m --> x"},
        ]
        done = subprocess.run(
            ["jq", query], input=json.dumps(comments), env={**os.environ, "mark": "<!-- m -->"}, check=True, timeout=10,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.stdout.split() == ["3"]
