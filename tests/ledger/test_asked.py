"""What EventBridge is asked for: every write but our own, and never what the ledger itself does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.ledger import asked, entry, telling
from chalicelib.patterns import matches
from local.trail.catalog import is_data_plane, is_read
from tests.deploy.deployed import of
from tests.ledger.asking import CALLS, TOLD
from tests.samples import ACCOUNT, ROOT, assumed, cloudtrail
from tests.test_layers import MODULES

BUS = [rule for rule in of("AWS::Events::Rule").values() if "LedgerQueue" in json.dumps(rule["Targets"])]


def call(**more: Any) -> dict[str, Any]:
    return cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"}, **more)


@pytest.mark.parametrize(
    "raw",
    [
        call(),
        call(identity=ROOT),
        call(identity=assumed("deployer")),
        call(identity=assumed("parapet-other-guard-ec2")),
        call(identity=assumed("my-parapet-test-x")),
        call(identity={"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}),
        call(error="AccessDenied"),
        call(account="210987654321", region="us-east-1"),
        call(detail_type="AWS Console Sign In via CloudTrail"),
        call(detail_type="AWS Service Event via CloudTrail"),
    ],
)
def test_every_write_of_anybody_is_taken(raw: dict[str, Any]) -> None:
    assert matches(CALLS, raw)
    assert not matches(TOLD, raw)


@pytest.mark.parametrize(
    "raw",
    [
        call(readOnly=True),
        call(eventCategory="Data", managementEvent=False),
        call(detail_type="AWS Insight via CloudTrail"),
        call(identity=assumed("parapet-test-guard-s3")),
        call(identity=assumed("parapet-test-heartbeat")),
        cloudtrail("logs:CreateLogStream", {"logGroupName": "/aws/lambda/shop"}),
        cloudtrail("ssm:UpdateInstanceInformation", {"instanceId": "i-1"}),
    ],
)
def test_reads_data_our_own_and_what_machines_say_of_themselves_are_not(raw: dict[str, Any]) -> None:
    assert not matches(CALLS, raw)


def test_our_roles_in_other_accounts_are_ours() -> None:
    text = json.dumps(call(identity=assumed("parapet-test-member-s3"))).replace(ACCOUNT, "210987654321")
    assert not matches(CALLS, json.loads(text))


@pytest.mark.parametrize("name", ["codedeploy-failure", "ecs-deployment-failed", "rds-failover", "health-issue-open"])
def test_what_services_tell_is_taken_and_read(name: str) -> None:
    from tests.ledger.test_entry import CORPUS

    raw = json.loads((CORPUS / f"{name}.json").read_text("utf-8"))
    assert matches(TOLD, raw)
    assert entry.change(raw).source == raw["source"]


@pytest.mark.parametrize("name", ["unasked-ecs-scaled-in", "unasked-rds-backup", "ec2-stopped", "ecs-steady"])
def test_what_they_tell_all_day_is_not(name: str) -> None:
    from tests.ledger.test_entry import CORPUS

    assert not matches(TOLD, json.loads((CORPUS / f"{name}.json").read_text("utf-8")))


def test_whatever_is_asked_for_is_read() -> None:
    kinds = {kind for one in telling.WATCHED for kind in one["detail-type"]}
    assert kinds == set(telling._READ)
    assert all(kind.endswith(entry.TRAIL) for kind in asked.KINDS)


@pytest.mark.parametrize("rule", BUS, ids=lambda rule: json.dumps(rule["Name"]))
def test_eventbridge_takes_the_patterns(rule: dict[str, Any]) -> None:
    longest = json.dumps(rule["EventPattern"]).replace("${Stage}", "s" * 20)
    assert len(longest) <= 2048


class TestNeverFeedsItself:
    def test_nothing_that_the_function_calls_is_a_write_of_the_management(self) -> None:
        """Its calls are read off its role: they are what CloudTrail counts among data, which no rule here takes."""
        from deploy import rights
        from tests.test_least_privilege import SETTINGS

        actions = {action for one in rights.policies(SETTINGS)["ledger"]["Statement"] for action in one["Action"]}
        for action in sorted(actions - {"sqs:GetQueueAttributes"}):
            service, name = action.split(":")
            assert is_data_plane(service, name) or action == "logs:CreateLogStream", action
        assert is_read("sqs", "GetQueueAttributes")
        # What Lambda makes in its name with every environment is the one write; no rule takes it, for two reasons.
        stream = cloudtrail("logs:CreateLogStream", {}, identity=assumed("parapet-test-ledger"))
        assert not matches(CALLS, stream)
        stream["detail"]["eventName"] = "CreateLogGroup"
        assert not matches(CALLS, stream)

    def test_no_function_of_ours_is_seen(self) -> None:
        functions = [name.removeprefix("functions.") for name in MODULES if name.startswith("functions.")]
        assert "ledger" in functions
        for name in [*functions, "api_handler"]:
            role = assumed(f"parapet-test-{name.replace('_', '-')}")
            assert not matches(CALLS, cloudtrail("ec2:RevokeSecurityGroupIngress", {}, identity=role)), name
