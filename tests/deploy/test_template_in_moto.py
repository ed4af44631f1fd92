"""Two stages in one account of moto's: all that moto can make is made, and nothing of one is the other's."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.account import TestAccount
from tests.conftest import fresh
from tests.deploy.deployed import CFN, FUNCTIONS, POLICIES, RESOURCES, of, said
from tests.samples import ACCOUNT, REGION

BUCKET, CODE, TEMPLATE = "artefacts", "code.zip", "template.json"
STAGES = ("one", "two")
# What moto's CloudFormation cannot make; the rest must be there.
NOT_MADE = {
    "AWS::ApiGateway::Deployment": "moto makes an API without the methods in its body, and then refuses to deploy it",
    "AWS::ApiGateway::Stage": "it needs the deployment",
    "AWS::CloudWatch::Alarm": "left out with a warning; tests/deploy/test_alarms.py makes each by its own call",
    "AWS::CloudWatch::CompositeAlarm": "left out with a warning; tests/deploy/test_paging.py reads its rule",
    "AWS::Lambda::EventInvokeConfig": "left out with a warning",
    "AWS::S3::BucketPolicy": "left out with a warning; the local account makes it by its own call",
    "AWS::SecretsManager::Secret": "left out with a warning; the local account makes it by its own call",
    "AWS::SNS::Subscription": "left out with a warning; the local account makes it by its own call",
    "AWS::SNS::TopicPolicy": "left out with a warning; the local account makes it by its own call",
    "AWS::SQS::QueuePolicy": "left out with a warning; the local account makes it by its own call",
}
OPTIONS = ("HasPageEmail", "HasPagerDutyUrl", "CreatesApiGatewayRole", "CreatesTrail", "HasMembers", "MakesBudget")


@dataclass
class Made:
    """An account with two stages in it, and what each is made of: physical ids by logical ids."""

    account: TestAccount
    stages: dict[str, dict[str, str]]

    def call(self, service: str, operation: str, **params: Any) -> Any:
        return getattr(self.account.client(service), operation)(**params)


@pytest.fixture(scope="module")
def made(shared: Any) -> Iterator[Made]:
    with fresh(shared) as account:
        s3 = account.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key=CODE, Body=_zip())
        able = {name: one for name, one in RESOURCES.items() if one["Type"] not in NOT_MADE}
        # What it does make refers to what it does not.
        secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:parapet-test-token-key-aBcDeF"
        given = {**CFN["Parameters"], "TokenKey": {"Type": "String", "Default": secret}}
        s3.put_object(Bucket=BUCKET, Key=TEMPLATE, Body=json.dumps({**CFN, "Parameters": given, "Resources": able}))
        yield Made(account, {stage: _create(account, stage) for stage in STAGES})


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "")
    return content.getvalue()


def _create(account: TestAccount, stage: str) -> dict[str, str]:
    given = {"Stage": stage, "ArtefactBucket": BUCKET, "ArtefactKey": CODE}
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName=f"parapet-{stage}",
        TemplateURL=f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{TEMPLATE}",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    found = cloudformation.describe_stack_resources(StackName=f"parapet-{stage}")["StackResources"]
    # A permission has no name of its own, and moto makes it none.
    made = [one for one in found if "LogicalResourceId" in one]
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in made}


def test_everything_is_made_but_what_moto_cannot_make_and_what_nobody_asked_for(made: Made) -> None:
    wanted = {
        name for name, one in RESOURCES.items() if one["Type"] not in NOT_MADE and one.get("Condition") not in OPTIONS
    }
    for stage in STAGES:
        assert set(made.stages[stage]) == wanted


def test_two_stages_share_nothing(made: Made) -> None:
    one, two = (set(made.stages[stage].values()) - {""} for stage in STAGES)
    assert not one & two
    unnamed = {RESOURCES[name]["Type"] for name, physical in made.stages["one"].items() if not physical}
    # Nor of a bus does moto tell the name.
    assert unnamed == {"AWS::Lambda::Permission", "AWS::Events::EventBus"}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_runs_under_its_own_role_within_bounds(made: Made, function: Any) -> None:
    name = f"parapet-two-{function.dashed}"
    found = made.call("lambda", "get_function_configuration", FunctionName=name)
    assert found["Role"] == f"arn:aws:iam::{ACCOUNT}:role/{name}"
    variables = found["Environment"]["Variables"]
    assert (variables["PARAPET_STAGE"], variables["PARAPET_TABLE"]) == ("two", "parapet-two-journal")
    role = made.call("iam", "get_role", RoleName=name)["Role"]
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/parapet-two-boundary"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    [policy] = made.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]
    document = made.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)["PolicyDocument"]
    # moto keeps what CloudFormation gave it as Python shows it.
    document = ast.literal_eval(document) if isinstance(document, str) else document
    assert [one["Sid"] for one in document["Statement"]] == [one["Sid"] for one in POLICIES[function.name]["Statement"]]
    assert "Fn::" not in json.dumps(document)
    assert "parapet-one" not in json.dumps(document)
    log = made.call("logs", "describe_log_groups", logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert [one["retentionInDays"] for one in log if one["logGroupName"] == f"/aws/lambda/{name}"] == [90]


def test_each_rule_has_one_target_of_its_own_stage(made: Made) -> None:
    names = [one["Name"] for one in made.call("events", "list_rules", NamePrefix="parapet-two-")["Rules"]]
    queues = {
        said(one["Name"]).replace("-test-", "-two-"): said(one["Targets"][0]["Arn"]).replace("-test-", "-two-")
        for one in of("AWS::Events::Rule").values()
        if one["Targets"][0]["Arn"]["Fn::GetAtt"][0].endswith("Queue") and "EventBusName" not in one
    }
    assert len(names) == len([one for one in FUNCTIONS if one.ruled]) + len(queues)
    for name in names:
        [target] = made.call("events", "list_targets_by_rule", Rule=name)["Targets"]
        assert target["Arn"] == queues.get(name, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        assert target["DeadLetterConfig"]["Arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-two-rule-dead-letters"
        if name not in queues:
            policy = json.loads(made.call("lambda", "get_policy", FunctionName=name)["Policy"])
            assert [one["Condition"]["ArnLike"]["AWS:SourceArn"] for one in policy["Statement"]] == [
                f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
            ]


def test_the_heartbeat_that_comes_back_is_its_own_stages(made: Made) -> None:
    rule = made.call("events", "describe_rule", Name="parapet-two-heartbeat-back")
    pattern = json.loads(rule["EventPattern"])
    assert pattern["detail"]["requestParameters"]["name"] == ["/parapet/two/heartbeat"]


def test_queues_topics_and_their_key(made: Made) -> None:
    for logical in of("AWS::SQS::Queue"):
        url = made.stages["two"][logical]
        attributes = made.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert attributes["SqsManagedSseEnabled"] == "true"
    # moto cannot describe a key that its CloudFormation has made: it keeps the policy in a form it does not read.
    [key] = [one for one in made.call("kms", "list_aliases")["Aliases"] if one["AliasName"].endswith("-two-alerts")]
    for logical in of("AWS::SNS::Topic"):
        arn = made.stages["two"][logical]
        attributes = made.call("sns", "get_topic_attributes", TopicArn=arn)["Attributes"]
        assert attributes["KmsMasterKeyId"].endswith(f":key/{key['TargetKeyId']}")


def test_the_outbox_empties_into_notify(made: Made) -> None:
    found = made.call("lambda", "list_event_source_mappings", FunctionName="parapet-two-notify")["EventSourceMappings"]
    assert [one["EventSourceArn"] for one in found] == [f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-two-slack.fifo"]


def test_the_evidence_has_a_bucket_of_its_own(made: Made) -> None:
    """That it is locked moto leaves out of a stack; the local account locks it by its own call."""
    assert made.stages["two"]["EvidenceStore"] == f"parapet-two-evidence-{ACCOUNT}"


def test_the_journal_cannot_be_deleted_by_mistake(made: Made) -> None:
    table = made.call("dynamodb", "describe_table", TableName="parapet-two-journal")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert sorted(one["IndexName"] for one in table["GlobalSecondaryIndexes"]) == [
        "by_due", "by_resource", "by_status", "by_time",
    ]  # fmt: skip
