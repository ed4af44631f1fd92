"""What is derived from the guardrails: policies with no right too many, and a page that tells everything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alerts.bindings import Binding
from chalicelib.model import MODES, Mode, ParapetError
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings
from deploy import actions, rights
from deploy.derive import files, main, page
from deploy.rights import granted, policies, writes

ROOT = Path(__file__).parent.parent.parent
RAILS = registry.load()
POLICIES = policies(Settings())
FIXING = [rail for rail in RAILS if rail.can_fix]
TEMPLATE = json.loads((ROOT / ".chalice" / "resources.json").read_text("utf-8"))
LOG = "logs:PutLogEvents"
# IAM knows no resource for these.
GRANTED_ON_ANYTHING = {
    "ce:GetCostAndUsage", "ce:GetCostForecast",
    "cloudtrail:DescribeTrails", "cloudtrail:LookupEvents",
    "cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricWidgetImage",
    "ecs:DescribeTaskDefinition", "iam:ListAccountAliases",
    "ec2:DescribeAddresses", "ec2:DescribeFlowLogs", "ec2:DescribeNatGateways", "ec2:DescribeVolumes",
    "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeNetworkAcls", "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots",
    "ec2:DisableEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault", "ec2:GetEbsEncryptionByDefault",
    "iam:DeleteAccountPasswordPolicy", "iam:GetAccountPasswordPolicy", "iam:ListPolicies",
    "iam:UpdateAccountPasswordPolicy",
    "kms:ListKeys",
    "logs:DescribeLogGroups", "logs:StopQuery", "tag:GetResources",
    "s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets", "s3:PutAccountPublicAccessBlock",
    "xray:BatchGetTraces", "xray:GetServiceGraph", "xray:GetTraceSummaries",
    "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}  # fmt: skip
POLICY = Path(".chalice/policies/guard_ec2.json")


def named(rail: Guardrail) -> str:
    return rail.name


def allowed(rail: Guardrail, settings: Settings) -> set[str]:
    """What a guardrail's function may do that only this guardrail of its service needs."""
    others = {action for other in RAILS if other != rail and other.service == rail.service for action in other.needs}
    statements = policies(settings)[f"guard_{rail.service}"]["Statement"]
    return {action for one in statements for action in one["Action"] if action in rail.needs - others}


def modes(rail: Guardrail, event: Mode, sweep: Mode) -> Settings:
    bound = (Binding(("*",), rail.name),) if rail.alarmed else ()
    return Settings(guardrails={rail.name: {"mode": {"event": event, "sweep": sweep}}}, remedies=bound)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with every derived file in it."""
    assert main([], tmp_path) == 0
    return tmp_path


class TestFiles:
    def test_of_this_tree_are_what_the_guardrails_say(self) -> None:
        command = [sys.executable, "-m", "deploy.derive", "--check"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_are_all_that_is_written(self, tree: Path) -> None:
        written = {path for path in tree.rglob("*") if path.is_file()}
        assert written == set(files(Settings(), tree))
        assert {path.stem for path in (tree / POLICY).parent.iterdir()} == set(POLICIES)
        assert main(["--check"], tree) == 0

    @pytest.mark.parametrize("name", [POLICY, Path("docs/guardrails.md")], ids=str)
    def test_a_changed_one_fails_the_check_and_is_written_anew(
        self, tree: Path, name: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = (tree / name).read_text("utf-8")
        (tree / name).write_text(text + " ", "utf-8")
        assert main(["--check"], tree) == 1
        assert capsys.readouterr().err == f"{name} is not what the guardrails say: make derive\n"
        assert (tree / name).read_text("utf-8") == text + " ", "a check writes nothing"
        assert main([], tree) == 0
        assert (tree / name).read_text("utf-8") == text

    def test_a_missing_one_fails_the_check_and_is_written(self, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tree / POLICY).unlink()
        assert main(["--check"], tree) == 1
        assert str(POLICY) in capsys.readouterr().err
        assert not (tree / POLICY).exists()
        assert main([], tree) == 0
        assert (tree / POLICY).exists()

    def test_a_policy_too_many_fails_the_check_and_is_removed(
        self, tree: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        extra = tree / ".chalice" / "policies" / "guard_gone.json"
        extra.write_text("{}", "utf-8")
        assert main(["--check"], tree) == 1
        assert "guard_gone.json" in capsys.readouterr().err
        assert extra.exists()
        assert main([], tree) == 0
        assert not extra.exists()
        assert main(["--check"], tree) == 0

    @pytest.mark.parametrize("module", ["deploy.derive", "deploy.accept"])
    def test_settings_that_cannot_be_used_are_one_clear_line(self, module: str, tmp_path: Path) -> None:
        for package in ("cli", "deploy"):
            (tmp_path / package).symlink_to(ROOT / package)
        (tmp_path / "chalicelib").mkdir()
        for file in (ROOT / "chalicelib").iterdir():
            if file.name != "parapet.toml":
                (tmp_path / "chalicelib" / file.name).symlink_to(file)
        (tmp_path / "chalicelib" / "parapet.toml").write_text('[slack]\nchanel = "#ops"\n', "utf-8")
        command = [sys.executable, "-m", module, "--check"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "parapet.toml: slack.chanel is not a setting; did you mean 'channel'?\n"

    def test_a_check_of_an_empty_tree_writes_nothing(self, tmp_path: Path) -> None:
        assert main(["--check"], tmp_path) == 1
        assert list(tmp_path.iterdir()) == []


def granted_actions() -> Iterator[tuple[str, str, Any]]:
    for name, policy in POLICIES.items():
        for one in policy["Statement"]:
            yield from ((name, action, one["Resource"]) for action in one["Action"])


class TestPolicies:
    @pytest.mark.parametrize("name", POLICIES)
    def test_are_whole(self, name: str) -> None:
        policy = POLICIES[name]
        assert policy["Version"] == "2012-10-17"
        sids = [one["Sid"] for one in policy["Statement"]]
        assert len(set(sids)) == len(sids)
        assert all(re.fullmatch("[A-Za-z0-9]+", one) for one in sids)
        for one in policy["Statement"]:
            assert one["Effect"] == "Allow"
            assert one["Action"]
            assert one["Resource"]
            assert not {"NotAction", "NotResource"} & set(one)
        # IAM's limit for all the inline policies of a role, white space not counted.
        assert len(json.dumps(policy, separators=(",", ":"))) <= 10_240

    @pytest.mark.parametrize("name", POLICIES)
    def test_name_every_action(self, name: str) -> None:
        named = [action for function, action, _ in granted_actions() if function == name]
        assert named
        for action in named:
            assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+", action), action

    def test_name_resources_wherever_iam_can(self) -> None:
        everything = {(function, action) for function, action, resource in granted_actions() if resource == "*"}
        limited = {action for some in actions.RESOURCES.values() for action in some}
        assert not {action for _, action in everything} & limited
        for _, action, resource in granted_actions():
            text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            assert text != "*" or action in GRANTED_ON_ANYTHING, action
        assert {action for _, action in everything} == set(GRANTED_ON_ANYTHING)

    @pytest.mark.parametrize("name", POLICIES)
    def test_change_nothing_outside_the_watched_regions(self, name: str) -> None:
        for one in rights.of_service(name.removeprefix("guard_"), Settings(regions=("us-east-1", "eu-north-1"))):
            if any(writes(action) and not action.startswith(("budgets:", "iam:")) for action in one["Action"]):
                watched = one["Condition"]["StringEquals"]["aws:RequestedRegion"]
                assert watched == [{"Ref": "AWS::Region"}, "us-east-1", "eu-north-1"]

    @pytest.mark.parametrize("rail", RAILS, ids=named)
    def test_of_one_service_hold_no_change_of_another(self, rail: Guardrail) -> None:
        changes = {action for action in rail.needs if writes(action)}
        for name, policy in POLICIES.items():
            if name != f"guard_{rail.service}":
                assert not changes & {action for one in policy["Statement"] for action in one["Action"]}

    @pytest.mark.parametrize("rail", FIXING, ids=named)
    def test_grant_no_write_where_a_guardrail_only_tells(self, rail: Guardrail) -> None:
        for settings in (modes(rail, "observe", "observe"), modes(rail, "observe", "off")):
            assert granted(rail, settings) == sorted(action for action in rail.needs if not writes(action))
            assert not any(writes(action) for action in allowed(rail, settings))

    @pytest.mark.parametrize("rail", [rail for rail in RAILS if rail.needs], ids=named)
    def test_grant_nothing_where_a_guardrail_is_off(self, rail: Guardrail) -> None:
        assert granted(rail, modes(rail, "off", "off")) == []
        assert allowed(rail, modes(rail, "off", "off")) == set()

    def test_of_an_install_that_observes_change_nothing_but_what_is_ours(self) -> None:
        for service in registry.services():
            for one in rights.of_service(service, Settings(default_mode="observe")):
                assert not any(writes(action) for action in one["Action"])

    def test_of_a_guardrail_that_an_upgrade_brought_change_nothing(self) -> None:
        for rail in FIXING:
            assert not any(writes(action) for action in granted(rail, Settings(observed=(rail.name,))))

    @pytest.mark.parametrize("rail", FIXING, ids=named)
    @pytest.mark.parametrize("mode", ["approve", "enforce"])
    def test_grant_all_where_a_guardrail_may_act_for_one_origin(self, rail: Guardrail, mode: Mode) -> None:
        for settings in (modes(rail, mode, "off"), *(() if rail.alarmed else (modes(rail, "observe", mode),))):
            statements = policies(settings)[f"guard_{rail.service}"]["Statement"]
            assert rail.needs <= {action for one in statements for action in one["Action"]}

    def test_let_an_administrator_be_made_and_nothing_else_be_attached(self) -> None:
        attaching = [
            one
            for policy in POLICIES.values()
            for one in policy["Statement"]
            if any(action.startswith(("iam:Attach", "iam:Detach")) for action in one["Action"])
        ]
        assert len(attaching) == 3
        for one in attaching:
            assert one["Condition"] == {"ArnLike": {"iam:PolicyARN": "arn:*:iam::aws:policy/AdministratorAccess"}}
            assert all(action.startswith(("iam:Attach", "iam:Detach")) for action in one["Action"])

    def test_schedule_no_key_deletion_sooner_than_in_thirty_days(self) -> None:
        [one] = [s for s in POLICIES["guard_kms"]["Statement"] if "kms:ScheduleKeyDeletion" in s["Action"]]
        assert one["Condition"]["NumericEquals"] == {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}

    def test_of_one_guardrail_leave_the_others_alone(self) -> None:
        first, other = [rail for rail in FIXING if rail.service == "ec2"][:2]
        settings = modes(first, "off", "off")
        assert allowed(other, settings) == allowed(other, Settings())
        assert granted(other, settings) == granted(other, Settings())

    @pytest.mark.parametrize(
        ("action", "expected"),
        [
            ("ec2:DescribeInstances", False),
            ("s3:GetBucketAcl", False),
            ("iam:ListAccessKeys", False),
            ("ec2:RevokeSecurityGroupIngress", True),
            ("kms:CancelKeyDeletion", True),
            ("ec2:DisableEbsEncryptionByDefault", True),
        ],
    )
    def test_know_what_writes(self, action: str, expected: bool) -> None:
        assert writes(action) is expected

    @pytest.mark.parametrize("name", POLICIES)
    def test_let_every_function_publish_to_where_its_failures_go_and_nowhere_else(self, name: str) -> None:
        logical = "APIHandler" if name == "api_handler" else "".join(word.capitalize() for word in name.split("_"))
        config = TEMPLATE["Resources"][logical]["Properties"].get("EventInvokeConfig", {})
        goal = config.get("DestinationConfig", {}).get("OnFailure", {})
        action = {"SNS": "sns:Publish", "SQS": "sqs:SendMessage"}.get(goal.get("Type", ""))
        given_up = [one for one in POLICIES[name]["Statement"] if one["Sid"] == "GivenUp"]
        assert [(one["Action"], one["Resource"]) for one in given_up] == (
            [([action], goal["Destination"])] if action else []
        )
        # The topic is encrypted by a key of ours, the queue by SQS's own.
        key = TEMPLATE["Resources"]["FailuresTopic"]["Properties"]["KmsMasterKeyId"]
        used = [one["Resource"] for one in POLICIES[name]["Statement"] if "kms:GenerateDataKey" in one["Action"]]
        # Mail goes over a topic too.
        assert used == ([key] if action == "sns:Publish" or name == "notify_email" else [])

    @pytest.mark.parametrize("name", POLICIES)
    def test_let_every_function_write_its_own_log(self, name: str) -> None:
        [where] = [found for function, action, found in granted_actions() if (function, action) == (name, LOG)]
        assert where["Fn::Sub"].endswith(f":log-group:/aws/lambda/parapet-${{Stage}}-{name.replace('_', '-')}:*")

    def test_let_no_guard_write_a_command_or_the_pause(self) -> None:
        for service in registry.services():
            [one] = [s for s in POLICIES[f"guard_{service}"]["Statement"] if "dynamodb:PutItem" in s["Action"]]
            written = one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            limits = ["LIMIT#*"] if any(rail.can_fix and rail.called for rail in registry.of(service)) else []
            assert written == ["ANSWER#*", "FINDING#*", "HEAD#*", *limits]

    def test_let_notify_reach_nothing_in_the_journal_but_its_threads(self) -> None:
        reaching = [
            one for one in POLICIES["notify"]["Statement"] if any("dynamodb:" in action for action in one["Action"])
        ]
        threads = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["THREAD#slack#*"]}}
        assert [one["Condition"] for one in reaching] == [threads]
        # Such a condition is also met by a call that names no key: none of these can do without.
        assert set(reaching[0]["Action"]) == {"dynamodb:GetItem", "dynamodb:UpdateItem"}

    def test_only_who_emits_our_events_may_put_events_and_only_ours(self) -> None:
        emitting = {}
        for name, policy in POLICIES.items():
            for one in policy["Statement"]:
                if "events:PutEvents" in one["Action"]:
                    emitting[name] = one["Condition"]
        ours = {"StringEquals": {"events:source": "parapet"}}
        assert emitting == {"alert": ours, "sweep": ours, "timer": ours, "api_handler": ours}


class TestPage:
    PAGE = page(Settings())

    def part(self, rail: Guardrail) -> str:
        """What the page says under a guardrail's heading."""
        [_, rest] = self.PAGE.split(f"\n## {rail.name}\n")
        return rest.split("\n## ")[0]

    @pytest.mark.parametrize("rail", RAILS, ids=named)
    def test_has_every_guardrail_with_its_sections(self, rail: Guardrail) -> None:
        part = self.part(rail)
        assert rail.documentation.promise in part
        assert [one.label for one in rail.documentation.sections] == [
            label
            for label in re.findall(r"^- \*\*(\w+)\.\*\* ", part, re.MULTILINE)
            if label not in ("Needs", "Setting")
        ]
        for section in rail.documentation.sections:
            assert f"- **{section.label}.** {section.text}\n" in part
        assert {"Why", "Fix", "Undo", "Mode", "Controls"} <= {one.label for one in rail.documentation.sections}
        assert set(re.findall(r"`([a-z0-9-]+:\w+)`", part.split("**Needs.**")[-1])) >= rail.needs
        for trigger, path in rail.on.items():
            named = path if rail.alarmed else trigger.name or f"anything by {trigger.user}"
            assert named in part.split("**Woken by.**")[1]
        for option, default in rail.options.items():
            shown = json.dumps(list(default) if isinstance(default, tuple) else default)
            assert f"- **Setting.** `{option}`, by default `{shown}`" in part

    def test_has_a_table_of_all_with_a_link_and_the_modes_in_force(self) -> None:
        rows = [line.strip("|").split("|") for line in self.PAGE.splitlines() if line.startswith("| [")]
        assert {len(row) for row in rows} == {5}, "a promise with a bar in it would break the table"
        found = {row[0].strip(): [cell.strip() for cell in row[2:]] for row in rows}
        expected = {
            f"[`{rail.name}`](#{rail.name})": [rail.severity, *Settings().modes(rail).values()] for rail in RAILS
        }
        assert found == expected

    def test_shows_the_modes_that_are_set(self) -> None:
        rail = FIXING[0]
        for mode in MODES:
            [row] = [
                line for line in page(modes(rail, mode, "off")).splitlines() if line.startswith(f"| [`{rail.name}`]")
            ]
            assert row.endswith(f"| {mode} | off |")

    def test_says_that_it_is_derived(self) -> None:
        assert "Derived from the guardrails' own files" in self.PAGE[:200]


class TestBoundary:
    BOUNDARY = rights.boundary(POLICIES.values())

    def test_allows_what_some_policy_allows_and_no_more(self) -> None:
        [allow] = [one for one in self.BOUNDARY["Statement"] if one["Effect"] == "Allow"]
        assert allow["Action"] == sorted({action for _, action, _ in granted_actions()})

    def test_fits_a_managed_policy(self) -> None:
        assert len(json.dumps(self.BOUNDARY, separators=(",", ":"))) <= 6_144

    def test_denies_contents_but_our_own(self) -> None:
        [deny] = [one for one in self.BOUNDARY["Statement"] if one["Sid"] == "NoDataOfOthers"]
        assert set(deny["Action"]) == {action for _, action, _ in granted_actions()} & set(actions.DATA)
        readable = [resource for _, action, resource in granted_actions() if action in actions.DATA]
        assert all(one in deny["NotResource"] for one in readable)
        assert "*" not in deny["NotResource"]

    def test_refuses_to_let_a_role_read_everything(self) -> None:
        open_to_all = {"Sid": "X", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": "*"}
        with pytest.raises(ParapetError, match="X would let a role read the contents of everything"):
            rights.boundary([{"Statement": [open_to_all]}])
