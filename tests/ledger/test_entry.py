"""From frames to changes: who, as which role, from where, with what, on what, and what exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import API_CALL, SIGN_IN
from chalicelib.ledger import entry
from chalicelib.ledger.book import Book
from chalicelib.ledger.model import Change
from chalicelib.ledger.touched import MOST
from chalicelib.ledger.words import LINE
from chalicelib.model import BadEvent
from chalicelib.patterns import matches
from chalicelib.people import Person
from chalicelib.services.model import Service, Target
from tests.ledger.asking import CALLS
from tests.ledger.shelf import NAME, Shelf
from tests.samples import ACCOUNT, ROOT, assumed, cloudtrail

EVENTS = Path(__file__).parent.parent / "events"
CORPUS = Path(__file__).parent.parent / "alerts" / "corpus"
# What no call wakes, alarms do, or somebody who wants a change taken back.
CALLED = [rail.name for rail in registry.load() if any(one.detail_type in (API_CALL, SIGN_IN) for one in rail.on)]


def sample(name: str) -> dict[str, Any]:
    """A guardrail's dangerous call, as recorded."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8").replace("RESOURCE", "the-resource"))
    return found


def told(name: str) -> Change:
    return entry.change(json.loads((CORPUS / f"{name}.json").read_text("utf-8")))


@pytest.mark.parametrize("name", CALLED)
def test_who_did_it_for_every_guardrails_dangerous_call(name: str) -> None:
    raw = sample(name)
    assert matches(CALLS, raw), "the rule asks for it"
    book = Book(Shelf(), NAME)
    book.write([entry.change(raw)])
    one = book.between(0, 4e9, action=raw["detail"]["eventName"])
    [change] = one.changes
    who = "root" if raw["detail"]["userIdentity"]["type"] == "Root" else "alice"
    assert (change.actor, change.role.rsplit(":", 1)[-1].split("/")[-1]) == (who, who)
    assert (change.ip, change.kind, change.error, change.writes) == ("198.51.100.7", "call", "", True)
    assert change.tool in ("aws-cli", "console")
    assert change.resources
    [again] = book.between(0, 4e9, resource=change.resources[0]).changes
    assert again == change


@pytest.mark.parametrize(
    ("agent", "more", "tool"),
    [
        ("aws-cli/2.31.0 md/awscrt", {}, "aws-cli"),
        ("aws-cli/2.31.0 exec-env/CloudShell", {}, "cloudshell"),
        ("Boto3/1.44 md/Botocore", {}, "boto3"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.9.5 terraform-provider-aws/5.70", {}, "terraform"),
        ("APN/1.0 Pulumi/1.0 PulumiAWS/6 terraform-provider-aws", {}, "pulumi"),
        ("aws-sdk-js/3.6 ua/2.1 lang/js md/nodejs#20 aws-cdk/2.150", {}, "cdk"),
        ("aws-sdk-go-v2/1.30 os/linux", {}, "sdk"),
        ("console.amazonaws.com", {}, "console"),
        ("signin.amazonaws.com", {}, "console"),
        ("AWS Internal", {"sessionCredentialFromConsole": "true"}, "console"),
        ("Mozilla/5.0 (Macintosh)", {}, "console"),
        ("cloudformation.amazonaws.com", {"sourceIPAddress": "cloudformation.amazonaws.com"}, "cloudformation"),
        ("AWS Internal", {"sourceIPAddress": "autoscaling.amazonaws.com"}, "autoscaling"),
        ("my-deployer/3.1 (linux)", {}, "my-deployer"),
        (None, {}, "unknown"),
        (7, {}, "unknown"),
    ],
)
def test_with_what(agent: Any, more: dict[str, Any], tool: str) -> None:
    assert entry.tool({"userAgent": agent, "sourceIPAddress": "198.51.100.7", **more}) == tool


class TestWho:
    def test_is_the_session_and_its_role(self) -> None:
        raw = cloudtrail(
            "s3:DeleteBucket", {"bucketName": "shop-logs"}, identity=assumed("deployer", "ada@example.com")
        )
        change = entry.change(raw)
        assert (change.actor, change.role) == ("ada@example.com", f"arn:aws:iam::{ACCOUNT}:role/deployer")

    def test_is_the_person_whom_the_settings_know(self) -> None:
        raw = cloudtrail("s3:DeleteBucket", {"bucketName": "x"}, identity=assumed("deployer", "s-1"))
        ada = Person("ada", aws=(f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/s-1",))
        assert entry.change(raw, somebody=[ada]).actor == "ada"

    def test_is_root_a_service_or_nobody_known(self) -> None:
        assert entry.change(cloudtrail("s3:DeleteBucket", {}, identity=ROOT)).actor == "root"
        service = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}
        assert entry.change(cloudtrail("ec2:RunInstances", {}, identity=service)).actor == "autoscaling"
        assert entry.change(cloudtrail("ec2:RunInstances", {}, identity={})).actor == "Unknown"


class TestWhat:
    def test_of_a_call_that_failed_is_kept_with_its_error(self) -> None:
        change = entry.change(cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"}, error="AccessDenied"))
        assert (change.error, change.resources) == ("AccessDenied", ("shop-logs",))

    def test_of_a_sign_in_that_failed_too(self) -> None:
        raw = cloudtrail(
            "signin:ConsoleLogin", None, {"ConsoleLogin": "Failure"}, additionalEventData={"MFAUsed": "No"},
            detail_type="AWS Console Sign In via CloudTrail",
        )  # fmt: skip
        change = entry.change(raw)
        assert (change.error, change.what) == ("Failure", "MFAUsed=No")

    @pytest.mark.parametrize(
        ("action", "request_", "response", "name", "resources", "what"),
        [
            (
                "lambda:UpdateFunctionCode20150331v2",
                {"functionName": "pay", "s3Bucket": "artefacts", "s3Key": "pay-7.zip", "publish": True},
                {
                    "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:pay",
                    "environment": {"variables": {"DB_NAME": "x"}},
                },
                "UpdateFunctionCode",
                ("pay", "arn:aws:lambda:eu-west-1:123456789012:function:pay"),
                "functionName=pay, s3Bucket=artefacts, s3Key=pay-7.zip, publish=true",
            ),
            (
                "lambda:UpdateFunctionConfiguration20150331v2",
                {
                    "functionName": "pay",
                    "timeout": 3,
                    "environment": {"variables": {"DB_PASSWORD": "hunter2", "STAGE": "prod"}},
                },
                None,
                "UpdateFunctionConfiguration",
                ("pay",),
                "functionName=pay, timeout=3, environment=(hidden)",
            ),
            # As CloudTrail empties it.
            (
                "lambda:UpdateFunctionConfiguration20150331v2",
                {"functionName": "pay", "environment": {}, "layers": []},
                {"environment": {}},
                "UpdateFunctionConfiguration",
                ("pay",),
                "functionName=pay, environment=(hidden)",
            ),
            # Code that was uploaded is in no record; which it is, is in the answer.
            (
                "lambda:UpdateFunctionCode20150331v2",
                {"functionName": "pay", "publish": True, "dryRun": False},
                {"version": "7", "codeSha256": "Xq3" + "aB1/" * 10 + "=", "environment": {}},
                "UpdateFunctionCode",
                ("pay",),
                "functionName=pay, publish=true, version=7, codeSha256=Xq3aB1/aB1/a…",
            ),
            (
                "lambda:UpdateFunctionCode20150331v2",
                {"functionName": "pay"},
                {"version": "$LATEST", "codeSha256": "hunter2"},
                "UpdateFunctionCode",
                ("pay",),
                "functionName=pay",
            ),
            (
                "ecs:UpdateService",
                {"cluster": "prod", "service": "shop", "desiredCount": 0, "taskDefinition": "shop:12"},
                None,
                "UpdateService",
                ("shop", "prod", "shop:12"),
                "cluster=prod, service=shop, desiredCount=0, taskDefinition=shop:12",
            ),
            (
                "rds:ModifyDBParameterGroup",
                {
                    "dBParameterGroupName": "own",
                    "parameters": [
                        {"parameterName": "max_connections", "parameterValue": "50", "applyMethod": "immediate"}
                    ],
                },
                None,
                "ModifyDBParameterGroup",
                ("own",),
                "dBParameterGroupName=own, max_connections=50",
            ),
            (
                "ssm:PutParameter",
                {"name": "/shop/flag", "value": "on-or-off", "type": "String"},
                None,
                "PutParameter",
                ("/shop/flag",),
                "/shop/flag=(hidden)",
            ),
            (
                "ec2:CreateTags",
                {
                    "resourcesSet": {"items": [{"resourceId": "i-1"}]},
                    "tagSet": {"items": [{"key": "env", "value": "prod"}, {"key": "db-password", "value": "hunter2"}]},
                },
                None,
                "CreateTags",
                ("i-1",),
                "resourceId=i-1, env=prod, db-password=(hidden)",
            ),
            (
                "rds:ModifyDBInstance",
                {"dBInstanceIdentifier": "shop", "masterUserPassword": "hunter2"},
                None,
                "ModifyDBInstance",
                ("shop",),
                "dBInstanceIdentifier=shop, masterUserPassword=(hidden)",
            ),
            (
                "iam:PutRolePolicy",
                {
                    "roleName": "ci",
                    "policyName": "more",
                    "policyDocument": json.dumps(
                        {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": ["s3:*", "iam:*"], "Resource": "*"}],
                        }
                    ),
                },
                None,
                "PutRolePolicy",
                ("ci", "more"),
                "roleName=ci, policyName=more, Effect=Allow, Action=s3:* iam:*, Resource=*",
            ),
            (
                "secretsmanager:RotateSecret",
                {"secretId": "shop/db", "clientRequestToken": "0b1c"},
                None,
                "RotateSecret",
                ("shop/db",),
                "secretId=shop/db",
            ),
            (
                "ec2:RunInstances",
                {
                    "disableApiTermination": False,
                    "monitoring": {"enabled": False},
                    "instancesSet": {"items": [{"maxCount": 2, "minCount": 1, "imageId": "ami-1"}]},
                    "instanceType": "t3.small",
                },
                None,
                "RunInstances",
                ("ami-1",),
                "instanceType=t3.small, imageId=ami-1, minCount=1, maxCount=2, "
                "disableApiTermination=false, enabled=false",
            ),
            (
                "ec2:RunInstances",
                {"imageId": "ami-1", "userData": "IyEvYmluL3NoIGh1bnRlcjI=", "instanceType": "t3.small"},
                {
                    "instancesSet": {
                        "items": [{"instanceId": "i-1", "currentState": {"name": "pending"}}, {"instanceId": "i-2"}]
                    }
                },
                "RunInstances",
                ("i-1", "i-2", "ami-1"),
                "instanceType=t3.small, imageId=ami-1, userData=(hidden)",
            ),
        ],
    )
    def test_exactly(
        self, action: str, request_: Any, response: Any, name: str, resources: tuple[str, ...], what: str
    ) -> None:
        change = entry.change(cloudtrail(action, request_, response))
        assert (change.action, change.resources, change.what) == (name, resources, what)

    def test_is_bounded_whatever_was_asked(self) -> None:
        many = {f"name{n}": "x" * 5000 for n in range(500)} | {"bucketName": "b" * 5000, "tags": {"k" * 900: "v" * 900}}
        change = entry.change(cloudtrail("s3:" + "A" * 900, many, {"loadBalancerArn": "arn:" + "a" * 250}))
        assert len(change.what) <= LINE
        assert len(change.resources) <= MOST
        assert sum(map(len, map(str, [change.action, change.what, *change.resources]))) < 3000


class TestTold:
    @pytest.mark.parametrize(
        ("name", "action", "kind", "resource"),
        [
            ("codedeploy-failure", "CodeDeploy deployment failed", "deployment", "production"),
            ("codedeploy-success", "CodeDeploy deployment succeeded", "deployment", "production"),
            ("ecs-deployment-failed", "ECS deployment failed", "deployment", "service/prod/shop"),
            ("ecs-task-cannot-pull", "ECS task could not start", "notice", "shop"),
            ("ecs-task-out-of-memory", "ECS task ended", "notice", "nightly:3"),
            ("cloudformation-rolled-back", "CloudFormation update rollback complete", "deployment", "stack/shop/"),
            ("rds-failover", "RDS failover", "notice", "shop-db"),
            ("health-issue-open", "AWS Health issue", "notice", "AWS_ELASTICLOADBALANCING_API_ISSUE"),
        ],
    )
    def test_by_services_themselves(self, name: str, action: str, kind: str, resource: str) -> None:
        change = told(name)
        assert (change.action, change.kind, change.actor, change.ip) == (action, kind, "", "")
        assert resource in change.resources[0]
        assert change.account == ACCOUNT

    def test_says_why(self) -> None:
        assert "CannotPullContainerError" in told("ecs-task-cannot-pull").what
        assert "OutOfMemoryError" in told("ecs-task-out-of-memory").what
        assert "circuit breaker" in told("ecs-deployment-failed").what
        assert "Allocated storage has been exhausted." in told("rds-low-storage").what


BALANCER = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:loadbalancer/app/shop/50dc6c495c0c9188"


class TestServices:
    SHOP = Service(
        "shop", Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"}),
        (
            Target("rds", {"instance": "shop-db"}), Target("lambda_function", {"function": "pay"}),
            Target("ecs", {"cluster": "prod", "service": "web"}),
        ),
    )  # fmt: skip

    @pytest.mark.parametrize(
        ("action", "asked", "touched"),
        [
            ("rds:ModifyDBInstance", {"dBInstanceIdentifier": "shop-db"}, True),
            ("rds:ModifyDBInstance", {"dBInstanceIdentifier": "other"}, False),
            (
                "lambda:UpdateFunctionCode20150331v2",
                {"functionName": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:pay:live"},
                True,
            ),
            ("elasticloadbalancing:ModifyLoadBalancerAttributes", {"loadBalancerArn": BALANCER}, True),
            ("ecs:UpdateService", {"cluster": "prod", "service": "web"}, True),
            ("ecs:UpdateService", {"cluster": "prod", "service": "batch"}, False),
        ],
    )
    def test_that_a_change_touches(self, action: str, asked: dict[str, str], touched: bool) -> None:
        change = entry.change(cloudtrail(action, asked), [self.SHOP])
        assert change.services == (("shop",) if touched else ())


class TestRefuses:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"id": "a b"}, "the event's id is not letters"),
            ({"id": ""}, "id must be text"),
            ({"detail-type": "EC2 Instance State-change Notification"}, "which the ledger does not keep"),
            ({"detail": {}}, "lacks detail.eventName"),
            (
                {"time": "yesterday", "detail": {"eventName": "A", "eventSource": "b", "userIdentity": {}}},
                "not ISO 8601",
            ),
            ({"account": "210987654321"}, "is of account 210987654321, and its record of 123456789012"),
        ],
    )
    def test_what_is_no_event_of_ours(self, change: dict[str, Any], says: str) -> None:
        with pytest.raises(BadEvent, match=says):
            entry.change({**cloudtrail("s3:DeleteBucket", {}), **change})

    @pytest.mark.parametrize("raw", [None, [], "x", 7, {}])
    def test_what_is_no_event(self, raw: Any) -> None:
        with pytest.raises(BadEvent):
            entry.change(raw)
