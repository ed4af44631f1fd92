"""What AWS would check for a call: which actions, on which ARNs, with which condition keys."""

from __future__ import annotations

from typing import Any

import pytest

from local.iam import CannotEvaluate
from local.iam.policy import Need
from local.iam.requests import Call, World, about, common, encrypted, needs, tables
from local.iam.resources import Place
from tests.rights import KNOWN, TABLE, TEMPLATE
from tests.samples import ACCOUNT, REGION

HERE = Place("aws", REGION, ACCOUNT)
WORLD = World(tables=tables(TEMPLATE, KNOWN))
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
KEY = "00000000-0000-4000-b000-000000000001"
OTHER = "210987654321"


def asked(name: str, world: World = WORLD, **params: Any) -> list[Need]:
    service, operation = name.split(":")
    return needs(Call(service, operation, params, HERE), world)


def one(name: str, **params: Any) -> Need:
    [need] = asked(name, **params)
    return need


def item(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "X"}}


class TestResources:
    @pytest.mark.parametrize(
        ("name", "params", "action", "arn"),
        [
            ("ec2:RevokeSecurityGroupIngress", {"GroupId": "sg-1"}, "ec2:RevokeSecurityGroupIngress",
             f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-1"),
            ("ec2:ModifySnapshotAttribute", {"SnapshotId": "snap-1"}, "ec2:ModifySnapshotAttribute",
             f"arn:aws:ec2:{REGION}::snapshot/snap-1"),
            ("ec2:ModifyImageAttribute", {"ImageId": "ami-1"}, "ec2:ModifyImageAttribute",
             f"arn:aws:ec2:{REGION}::image/ami-1"),
            ("ec2:DescribeInstances", {"InstanceIds": ["i-1"]}, "ec2:DescribeInstances", "*"),
            ("kms:DisableKey", {"KeyId": KEY}, "kms:DisableKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"),
            ("kms:DisableKey", {"KeyId": f"arn:aws:kms:us-east-1:{OTHER}:key/{KEY}"}, "kms:DisableKey",
             f"arn:aws:kms:us-east-1:{OTHER}:key/{KEY}"),
            ("cloudtrail:StopLogging", {"Name": "audit"}, "cloudtrail:StopLogging",
             f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"),
            ("cloudtrail:StopLogging", {"Name": f"arn:aws:cloudtrail:us-east-1:{OTHER}:trail/audit"},
             "cloudtrail:StopLogging", f"arn:aws:cloudtrail:us-east-1:{OTHER}:trail/audit"),
            ("s3:HeadBucket", {"Bucket": "photos"}, "s3:ListBucket", "arn:aws:s3:::photos"),
            ("s3:GetBucketEncryption", {"Bucket": "photos"}, "s3:GetEncryptionConfiguration", "arn:aws:s3:::photos"),
            ("s3:DeletePublicAccessBlock", {"Bucket": "photos"}, "s3:PutBucketPublicAccessBlock",
             "arn:aws:s3:::photos"),
            ("s3control:DeletePublicAccessBlock", {"AccountId": ACCOUNT}, "s3:PutAccountPublicAccessBlock", "*"),
            ("s3:ListBuckets", {"BucketRegion": REGION}, "s3:ListAllMyBuckets", "*"),
            ("rds:DescribeDBInstances", {}, "rds:DescribeDBInstances", f"arn:aws:rds:{REGION}:{ACCOUNT}:db:*"),
            ("rds:DescribeDBInstances", {"DBInstanceIdentifier": "orders"}, "rds:DescribeDBInstances",
             f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"),
            ("rds:ModifyDBSnapshotAttribute", {"DBSnapshotIdentifier": "rds:orders-1"}, "rds:ModifyDBSnapshotAttribute",
             f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:rds:orders-1"),
            ("sqs:SendMessage", {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{OTHER}/q.fifo"}, "sqs:SendMessage",
             f"arn:aws:sqs:{REGION}:{OTHER}:q.fifo"),
            ("sqs:SendMessage", {"QueueUrl": f"http://127.0.0.1:4566/{ACCOUNT}/q"}, "sqs:SendMessage",
             f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"),
            ("ssm:GetParameter", {"Name": "/parapet/token"}, "ssm:GetParameter",
             f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/parapet/token"),
            ("ssm:GetParameter", {"Name": "token"}, "ssm:GetParameter",
             f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/token"),
            ("lambda:Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction",
             f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"),
            ("secretsmanager:GetSecretValue", {"SecretId": "slack"}, "secretsmanager:GetSecretValue",
             f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:slack-aBcDeF"),
        ],
    )  # fmt: skip
    def test_of_a_call(self, name: str, params: dict[str, Any], action: str, arn: str) -> None:
        need = one(name, **params)
        assert (need.action, need.resources) == (action, (arn,))

    def test_of_a_list_are_every_type_that_it_may_be_about(self) -> None:
        where = f"arn:aws:rds:{REGION}:{ACCOUNT}"
        assert one("rds:DescribeDBSnapshots").resources == (f"{where}:snapshot:*", f"{where}:db:*")

    def test_with_a_path_that_no_call_tells_are_both_kinds(self) -> None:
        roles = f"arn:aws:iam::{ACCOUNT}:role"
        assert one("iam:GetRole", RoleName="x").resources == (f"{roles}/x", f"{roles}/some/path/x")

    @pytest.mark.parametrize(
        ("name", "params", "told"),
        [
            ("ec2:TerminateInstances", {}, "add a row to local/iam/operations.py"),
            ("ec2:RevokeSecurityGroupIngress", {"GroupName": "web"}, "without GroupId does not say"),
            ("ec2:AuthorizeSecurityGroupIngress", {"GroupId": "sg-1", "TagSpecifications": [{}]}, "more rights"),
            ("rds:ModifyDBInstance", {"DBInstanceIdentifier": "x", "MonitoringRoleArn": "y"}, "more rights"),
            ("kms:DisableKey", {"KeyId": "alias/orders"}, "which kms:key 'alias/orders' means"),
            ("kms:DisableKey", {"KeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/orders"}, "which kms:key"),
            ("s3:GetBucketAcl", {"Bucket": f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/x"}, "which s3:bucket"),
            ("ssm:GetParameter", {"Name": "token:3"}, "which ssm:parameter"),
            ("sts:AssumeRole", {"RoleArn": "x"}, "not the ARN of a sts:role"),
            ("sns:Publish", {"PhoneNumber": "1"}, "more rights"),
        ],
    )
    def test_are_refused_when_the_call_does_not_tell(self, name: str, params: dict[str, Any], told: str) -> None:
        with pytest.raises(CannotEvaluate, match=told):
            asked(name, **params)

    def test_who_asks_who_he_is_needs_nothing(self) -> None:
        assert asked("sts:GetCallerIdentity") == []


class TestKeys:
    @pytest.mark.parametrize(
        ("name", "params", "key", "value"),
        [
            ("iam:DetachRolePolicy", {"RoleName": "x", "PolicyArn": "arn:p"}, "iam:policyarn", "arn:p"),
            ("kms:ScheduleKeyDeletion", {"KeyId": KEY, "PendingWindowInDays": 30},
             "kms:schedulekeydeletionpendingwindowindays", "30"),
            ("kms:ScheduleKeyDeletion", {"KeyId": KEY}, "kms:schedulekeydeletionpendingwindowindays", None),
            ("kms:DescribeKey", {"KeyId": KEY}, "kms:viaservice", None),
            ("sts:AssumeRole", {"RoleArn": f"arn:aws:iam::{OTHER}:role/x", "ExternalId": "e"}, "sts:externalid", "e"),
            ("sts:AssumeRole", {"RoleArn": f"arn:aws:iam::{OTHER}:role/x"}, "sts:externalid", None),
            ("ssm:PutParameter", {"Name": "x", "Overwrite": True}, "ssm:overwrite", "true"),
            ("ec2:DescribeImages", {}, "ec2:region", REGION),
        ],
    )  # fmt: skip
    def test_of_a_call(self, name: str, params: dict[str, Any], key: str, value: Any) -> None:
        assert one(name, **params).context[key] == value

    def test_of_every_call_tell_who_and_where(self) -> None:
        found = common(ACCOUNT, "arn:role", Place("aws", "us-east-1", ACCOUNT), World(organisations={ACCOUNT: None}))
        assert (found["aws:requestedregion"], found["aws:principalaccount"]) == ("us-east-1", ACCOUNT)
        assert (found["aws:principalorgid"], found["aws:principalorgpaths"]) == (None, ())

    def test_of_a_resource_tell_whose_it_is(self) -> None:
        world = World(organisations={OTHER: ("o-1", "o-1/r-1/ou-1/")})
        assert about(f"arn:aws:iam::{OTHER}:role/x", ACCOUNT, world) == {
            "aws:resourceaccount": OTHER, "aws:resourceorgid": "o-1", "aws:resourceorgpaths": ("o-1/r-1/ou-1/",),
        }  # fmt: skip
        assert about("arn:aws:s3:::photos", ACCOUNT, world) == {"aws:resourceaccount": ACCOUNT}
        assert about("arn:aws:iam::aws:policy/AdministratorAccess", ACCOUNT, world) == {}


class TestItems:
    def leading(self, need: Need) -> Any:
        return need.context["dynamodb:leadingkeys"]

    @pytest.mark.parametrize(
        ("name", "params"),
        [
            ("PutItem", {"Item": item("HEAD#1")}),
            ("UpdateItem", {"Key": item("HEAD#1")}),
            ("GetItem", {"Key": item("HEAD#1")}),
        ],
    )
    def test_of_one(self, name: str, params: dict[str, Any]) -> None:
        need = one(f"dynamodb:{name}", TableName=TABLE, **params)
        assert (need.action, need.resources, self.leading(need)) == (f"dynamodb:{name}", (ARN,), ("HEAD#1",))

    def test_of_a_batch_are_checked_together(self) -> None:
        need = one("dynamodb:BatchGetItem", RequestItems={TABLE: {"Keys": [item("HEAD#1"), item("COMMAND#2")]}})
        assert (need.action, self.leading(need)) == ("dynamodb:BatchGetItem", ("HEAD#1", "COMMAND#2"))
        writes = [{"PutRequest": {"Item": item("A")}}, {"DeleteRequest": {"Key": item("B")}}]
        assert self.leading(one("dynamodb:BatchWriteItem", RequestItems={TABLE: writes})) == ("A", "B")

    def test_of_a_transaction_are_checked_each_as_what_it_is(self) -> None:
        writes = [
            {"Put": {"TableName": TABLE, "Item": item("FINDING#1")}},
            {"Update": {"TableName": TABLE, "Key": item("HEAD#2")}},
            {"Delete": {"TableName": ARN, "Key": item("X")}},
            {"ConditionCheck": {"TableName": TABLE, "Key": item("Y")}},
        ]
        found = asked("dynamodb:TransactWriteItems", TransactItems=writes)
        assert [(need.action.split(":")[1], *self.leading(need)) for need in found] == [
            ("PutItem", "FINDING#1"), ("UpdateItem", "HEAD#2"), ("DeleteItem", "X"), ("ConditionCheckItem", "Y"),
        ]  # fmt: skip
        assert {need.context["dynamodb:enclosingoperation"] for need in found} == {"TransactWriteItems"}
        assert {need.resources for need in found} == {(ARN,)}

    @pytest.mark.parametrize("names", [{"#s": "status", "#o": "opened"}, {}])
    def test_of_a_query_are_those_of_the_index(self, names: dict[str, str]) -> None:
        status, opened = names or {"status": "", "opened": ""}
        need = one(
            "dynamodb:Query",
            TableName=TABLE,
            IndexName="by_status",
            KeyConditionExpression=f"{opened} BETWEEN :a AND :b AND {status} = :value",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":value": {"S": "fixed"}, ":a": {"N": "0"}, ":b": {"N": "1"}},
        )
        assert (need.resources, self.leading(need)) == ((f"{ARN}/index/by_status",), ("fixed",))

    def test_of_a_scan_are_none(self) -> None:
        assert self.leading(one("dynamodb:Scan", TableName=TABLE)) == ()

    def test_of_an_unreadable_query_are_refused(self) -> None:
        with pytest.raises(CannotEvaluate, match="which partition"):
            asked("dynamodb:Query", TableName=TABLE, KeyConditionExpression="sk = :a", ExpressionAttributeValues={})

    def test_of_a_table_that_nobody_told_of_have_no_key(self) -> None:
        need = one("dynamodb:GetItem", TableName="other", Key=item("A"))
        assert "dynamodb:leadingkeys" not in need.context


class TestTopics:
    def test_that_are_encrypted_need_the_key_as_well(self) -> None:
        world = World(encrypted=encrypted(TEMPLATE, KNOWN))
        publish, *through = asked("sns:Publish", world, TopicArn=KNOWN["FailuresTopic"])
        assert publish.resources == (KNOWN["FailuresTopic"],)
        assert {(need.action, need.resources, need.context["kms:viaservice"]) for need in through} == {
            (f"kms:{action}", (KNOWN["AlertKey.Arn"],), f"sns.{REGION}.amazonaws.com")
            for action in ("Decrypt", "GenerateDataKey")
        }
        assert len(asked("sns:Publish", world, TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:other")) == 1


def test_every_event_that_is_put_is_checked_for_itself() -> None:
    entries = [
        {"Source": "parapet", "DetailType": "Parapet Sweep"},
        {"Source": "aws.ec2", "DetailType": "x", "EventBusName": f"arn:aws:events:{REGION}:{OTHER}:event-bus/hub"},
    ]
    ours, forged = asked("events:PutEvents", Entries=entries)
    assert ours.resources == (f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default",)
    assert ours.context == {"events:source": "parapet", "events:detail-type": "Parapet Sweep"}
    assert forged.resources == (entries[1]["EventBusName"],)
    assert forged.context["events:source"] == "aws.ec2"
