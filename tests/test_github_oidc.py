"""The roles that GitHub's workflows assume: enough for CloudFormation's own handlers of what we deploy, and no more."""

from __future__ import annotations

import ast
import fnmatch
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import cfnlint  # type: ignore[import-untyped]
import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from chalicelib import registry
from chalicelib.services.model import Objective, Service, Target
from chalicelib.settings import load
from deploy.objectives import templates
from deploy.template import cloudformation, render
from local.iam.intrinsics import resolve

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "github-oidc.yaml"
TEMPLATE: Any = cfn_yaml.load(str(FILE))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"
INLINE, MANAGED = 10_240, 6_144
THROUGH = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
# What `make deploy` itself calls, beside the canary.
OWN = {
    "apigateway:GET",
    "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet", "cloudformation:GetTemplate", "cloudformation:ListStackResources",
    "cloudformation:ListStacks",
    "cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus",
    "execute-api:Invoke", "lambda:GetFunctionConfiguration",
    "s3:CreateBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutObject",
}  # fmt: skip
CANARY = {"Look", "Make", "OpenAndDelete", "SeeWhatBecomesOfIt"}
NAMED_OTHERWISE = {
    "GetAccount": "apigateway:GET", "HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket", "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}  # fmt: skip
# What CloudFormation's handlers can do with these types of resources, and has no reason to with ours.
NEVER = {
    # Nobody but a person deletes the journal, or takes a role out of its boundary.
    "dynamodb:DeleteTable", "iam:DeleteRolePermissionsBoundary",
    # Its contents are Parapet's.
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
    "dynamodb:Scan", "dynamodb:UpdateItem",
    # What signs tokens stays in one region.
    "secretsmanager:RemoveRegionsFromReplication", "secretsmanager:ReplicateSecretToRegions",
    # Nobody removes the evidence, publishes it, sends it elsewhere, or has it expire.
    "s3:DeleteBucket", "s3:DeleteBucket[!P]*", "s3:DeleteObject", "s3:PutObjectAcl", "s3:PutBucketAcl",
    "s3:PutBucketAbac", "s3:PutBucketCORS", "s3:PutBucketLogging", "s3:PutBucketNotification",
    "s3:PutBucketReplication", "s3:PutBucketWebsite", "s3:PutAccelerateConfiguration", "s3:PutAnalyticsConfiguration",
    "s3:PutIntelligentTieringConfiguration", "s3:PutInventoryConfiguration", "s3:PutLifecycleConfiguration",
    "s3:PutMetricsConfiguration", "s3:PutReplicationConfiguration", "s3:CreateBucketMetadata*",
    "s3:UpdateBucketMetadata*", "s3tables:*",
    # Named in CloudFormation's schema, and no action of IAM's.
    "s3:PutObjectLockConfiguration",
    # No replicas, imports, streams of the table.
    "dynamodb:AssociateTableReplica", "dynamodb:CreateTableReplica", "dynamodb:*Import*",
    "dynamodb:*ableKinesisStreamingDestination", "dynamodb:UpdateKinesisStreamingDestination",
    "dynamodb:UpdateContributorInsights", "kinesis:*",
    # No policy of the API, no code signing, layers, versions, networks, file systems, keys of the functions.
    "apigateway:UpdateRestApiPolicy", "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:GetCodeSigningConfig", "lambda:PutFunctionCodeSigningConfig", "lambda:AssociateRuntimeAlias",
    "lambda:GetLayerVersion", "lambda:PassCapacityProvider", "lambda:PublishVersion",
    "lambda:PutFunctionRecursionConfig", "lambda:PutFunctionScalingConfig", "lambda:PutRuntimeManagementConfig",
    "ec2:*", "elasticfilesystem:*",
    "s3files:*", "kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:RevokeGrant",
    "kms:DisableKeyRotation", "s3:GetObjectVersion", "s3:GetObjectMetadata", "s3:REST.PUT.OBJECT",
    # No users and groups; the service-linked roles there are, are AWS's to make.
    "iam:*GroupPolicy", "iam:*UserPolicy", "iam:CreateServiceLinkedRole",
    # The bus of changes has no key of its own.
    "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*",
    # Of billing views, which our budget names none of.
    "billing:*",
    # No keys, indexes, deliveries or protection of log groups and topics.
    "firehose:*", "logs:AssociateKmsKey", "logs:DisassociateKmsKey", "logs:CreateLogDelivery", "logs:CreateLogStream",
    "logs:DescribeLogStreams", "logs:PutLogEvents", "logs:PutBearerTokenAuthentication",
    "logs:PutLogGroupDeletionProtection", "logs:*IndexPolicy", "logs:DeleteResourcePolicy", "logs:PutResourcePolicy",
    "logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy", "sns:PutDataProtectionPolicy",
}  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def documents(role: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The policies of a role, each with the most characters that it may have on its own: inline, attached, added."""
    own = RESOURCES[role]["Properties"]
    yield from ((INLINE, one["PolicyDocument"]) for one in own["Policies"])
    for attached in own.get("ManagedPolicyArns", []):
        yield MANAGED, RESOURCES[attached["Ref"]]["Properties"]["PolicyDocument"]
    for one in RESOURCES.values():
        if one["Type"] == "AWS::IAM::RolePolicy" and one["Properties"]["RoleName"] == {"Ref": role}:
            yield INLINE, one["Properties"]["PolicyDocument"]


def statements(role: str) -> Iterator[dict[str, Any]]:
    for _, document in documents(role):
        yield from document["Statement"]


def among(action: str, patterns: set[str]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@cache
def rendered() -> Any:
    """The template that is deployed."""
    return cloudformation(render(load({}, registry.names(), registry.load())), "eu-west-1")


@cache
def handled() -> set[str]:
    """What CloudFormation calls to make, change, read and remove what we deploy, as its own resource types say."""
    template = rendered()
    types = {one["Type"] for one in template["Resources"].values() if one.get("Condition") != "CreatesTrail"}
    handlers: dict[str, Any] = {}
    for file in SCHEMAS.glob("*.json"):
        schema = json.loads(file.read_text("utf-8"))
        if schema["typeName"] in types and "handlers" in schema:
            handlers.setdefault(schema["typeName"], schema["handlers"])
    assert types - set(handlers) == set()
    return {
        action
        for one in handlers.values()
        for name, handler in one.items()
        if name != "list"
        for action in handler.get("permissions", [])
    }


def allowed(role: str) -> set[str]:
    found = [
        one for one in statements(role) if one["Sid"] not in ("Look", "Make", "OpenAndDelete", "SeeWhatBecomesOfIt")
    ]
    return {action for one in found for action in listed(one["Action"])}


def test_cloudformation_takes_it() -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), str(FILE)]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_deployment_has_every_right_that_cloudformation_needs() -> None:
    missing = {action for action in handled() if not among(action, allowed("DeployRole") | NEVER)}
    assert missing == set()


def test_a_deployment_has_no_right_that_nobody_needs() -> None:
    extra = {one for one in allowed("DeployRole") if not any(among(action, {one}) for action in handled() | OWN)}
    assert extra == set()
    assert {action for action in handled() if among(action, NEVER) and among(action, allowed("DeployRole"))} == set()
    unused = {one for one in NEVER if not any(among(action, {one}) for action in handled())}
    assert unused == set(), "what no handler asks for needs no refusal"


def test_what_deploying_calls_is_what_it_may_and_nothing_else() -> None:
    canary = {action for one in statements("DeployRole") if one["Sid"] in CANARY for action in listed(one["Action"])}
    called = set(calls()) | {"execute-api:Invoke"}
    # Who makes a bucket says whose its objects are; the journal is read by its own module.
    assert called | {"s3:PutBucketOwnershipControls", "dynamodb:GetItem", "dynamodb:Query"} == OWN | canary


def calls() -> Iterator[str]:
    """The actions of the calls in what `make deploy` runs: the code has the names of service and operation."""
    session = botocore.session.get_session()
    services = set(session.get_available_services())
    for name in ("stack", "store", "plan", "alarming", "canary", "trail"):
        for node in ast.walk(ast.parse((ROOT / "deploy" / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                first, second = (str(one.value) if isinstance(one, ast.Constant) else "" for one in node.args[:2])
                if first in services:
                    model = session.get_service_model(first)
                    [operation] = [one for one in model.operation_names if botocore.xform_name(one) == second]
                    yield NAMED_OTHERWISE.get(operation, f"{first}:{operation}")


def test_resources_are_changed_through_cloudformation_only() -> None:
    for one in statements("DeployRole"):
        direct = set(listed(one["Action"])) <= OWN | {"iam:PassRole"} or one["Sid"] in CANARY
        through = one.get("Condition", {}).get("ForAnyValue:StringEquals") == THROUGH["ForAnyValue:StringEquals"]
        assert direct != through, one["Sid"]


def test_what_is_granted_bears_the_stages_name() -> None:
    nameless = {
        "TokenKeyIsMadeUp",
        "EveryAlarm",
        "Stacks",
        "Trails",
        "WhatFillsThem",
        "WhatFillsThemIsSeen",
        "Key",
        "LogsAreSeen",
        "Look",
    }
    for one in statements("DeployRole"):
        if one["Sid"] in nameless:
            assert one["Resource"] == "*"
            continue
        for resource in listed(one["Resource"]):
            text = str(resource["Fn::Sub"])
            named = "parapet-${Stage}" in text or "${Bucket}" in text or "${CanaryVpc}" in text
            # Named by numbers, or for the whole account, by AWS.
            shared = ("::/", "execute-api", "event-bus/default", "security-group/*")
            assert named or any(part in text for part in shared), one["Sid"]


def test_every_table_can_be_made() -> None:
    tables = [one for one in rendered()["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table"]
    named = {one["Properties"]["TableName"]["Fn::Sub"] for one in tables}
    [may] = [one for one in statements("DeployRole") if "dynamodb:CreateTable" in listed(one["Action"])]
    assert {one["Fn::Sub"].rpartition(":table/")[2] for one in may["Resource"]} == named


def test_no_role_is_given_more_than_the_boundary() -> None:
    boundary = {
        "iam:PermissionsBoundary": {
            "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/parapet-${Stage}-boundary"
        }
    }
    grants = {"iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}
    for one in statements("DeployRole"):
        if grants & set(listed(one["Action"])) and "ApiGatewayRole" not in str(one["Resource"]):
            assert one["Condition"]["StringEquals"] == boundary
    [attach] = [one for one in statements("DeployRole") if one["Sid"] == "RightsOfTheApisLogs"]
    assert str(attach["Condition"]["ArnEquals"]["iam:PolicyARN"]).count("AmazonAPIGatewayPushToCloudWatchLogs") == 1
    passed = [one for one in statements("DeployRole") if "iam:PassRole" in listed(one["Action"])]
    services = {one["Condition"]["StringEquals"]["iam:PassedToService"] for one in passed}
    assert services == {"lambda.amazonaws.com", "apigateway.amazonaws.com", "events.amazonaws.com"}


def test_the_stacks_of_objectives_are_made_under_the_same_rights() -> None:
    cdn = Target("alb", {"load_balancer": "app/cdn/50dc6c495c0c9188"}, "us-east-1")
    promised = (Objective("cdn", "availability", "availability"),)
    both = templates([Service("cdn", cdn, objectives=promised)], "prod", "eu-west-1", {}).values()
    made = {one["Type"] for template in both for one in template["Resources"].values()}
    assert made <= {one["Type"] for one in rendered()["Resources"].values()}, "its handlers are among those above"


def test_a_pull_request_changes_nothing_and_writes_where_nothing_is_deployed_from() -> None:
    writes = {"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "s3:PutObject"}
    for one in statements("ChangesRole"):
        for action in listed(one["Action"]):
            assert action in writes or action.split(":")[1].startswith(("Describe", "Get", "List")), action
        for resource in listed(one["Resource"]):
            assert "${Bucket}" not in str(resource)
    [templates] = [one for one in statements("ChangesRole") if "s3:PutObject" in one["Action"]]
    assert templates["Resource"] == {"Fn::Sub": "${ChangesBucket.Arn}/parapet/${Stage}/*.json"}


@pytest.mark.parametrize(
    ("role", "subject"),
    [("DeployRole", "repo:${Repository}:environment:${Stage}"), ("ChangesRole", "repo:${Repository}:pull_request")],
)
def test_who_may_assume_it(role: str, subject: str) -> None:
    [trust] = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    issuer = "token.actions.githubusercontent.com"
    assert trust["Condition"] == {
        "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": {"Fn::Sub": subject}}
    }


@pytest.mark.parametrize("role", ["DeployRole", "ChangesRole"])
def test_its_policies_fit(role: str) -> None:
    known = {
        "AWS::Partition": "aws", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "123456789012", "Stage": "x" * 20,
        "Bucket": "b" * 63, "CanaryVpc": "vpc-0123456789abcdef0", "ChangesBucket.Arn": f"arn:aws:s3:::{'b' * 63}",
    }  # fmt: skip
    inline = 0
    for most, document in documents(role):
        # IAM does not count white space.
        size = len(json.dumps(resolve(document, known), separators=(",", ":")))
        assert size <= most
        inline += size if most == INLINE else 0
    assert inline <= INLINE
