"""The trail against a real server, boto3 and the aws CLI; shapes are those of real CloudTrail records."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from local.trail import Identities, Identity, Trail
from local.trail.casing import HIDDEN
from local.trail.catalog import DATA_PLANE, event_name, is_read
from local.trail.s3 import unchunked

ACCOUNT = "123456789012"
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "synthetic-secret"
REGION = "eu-west-1"
AWS = Path(sys.executable).with_name("aws")
ADA = {
    "type": "IAMUser", "principalId": "AIDAEXAMPLEADA", "arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
    "accountId": ACCOUNT, "accessKeyId": KEY, "userName": "ada",
}  # fmt: skip
NOON = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
OPEN_POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
})  # fmt: skip


@dataclass
class Wire:
    """A server with the trail around moto, and all that the trail said."""

    url: str
    identities: Identities
    events: list[dict[str, Any]] = field(default_factory=list)
    put: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def client(self, service: str, key: str = KEY, token: str | None = None, **config: Any) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=SECRET,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}, **config),
        )

    def event(self, name: str) -> dict[str, Any]:
        """Give the last event of this name."""
        return next(e for e in reversed(self.events) if e["detail"]["eventName"] == name)

    def record(self, name: str) -> dict[str, Any]:
        detail: dict[str, Any] = self.event(name)["detail"]
        return detail

    def cli(self, *arguments: str, **environment: str) -> str:
        credentials = {
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }  # fmt: skip
        return subprocess.run(
            [str(AWS), "--endpoint-url", self.url, "--output", "json", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": "/tmp", **credentials, **environment},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    identities = Identities()
    identities.add(KEY, Identity(ADA, "198.51.100.7"))
    made = Wire("", identities)
    trail = Trail(
        DomainDispatcherApplication(create_backend_app),
        identities,
        made.events.append,
        account=ACCOUNT,
        put_events=made.put.append,
        clock=lambda: NOON,
        complain=made.complaints.append,
    )
    server = make_server("127.0.0.1", 0, trail, threaded=True, request_handler=MotoRequestHandler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def ec2(wire: Wire) -> Any:
    return wire.client("ec2")


@pytest.fixture(scope="module")
def group(ec2: Any) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return str(ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)["GroupId"])


@pytest.fixture(scope="module")
def snapshot(ec2: Any) -> str:
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    return str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])


@pytest.fixture(scope="module")
def image(ec2: Any) -> str:
    return str(ec2.register_image(Name="image", RootDeviceName="/dev/xvda")["ImageId"])


@pytest.fixture(scope="module")
def bucket(wire: Wire) -> str:
    place = {"LocationConstraint": REGION}
    wire.client("s3").create_bucket(Bucket="records", CreateBucketConfiguration=place)
    return "records"


@pytest.fixture(scope="module")
def role(wire: Wire) -> str:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ]}  # fmt: skip
    made = wire.client("iam").create_role(RoleName="deployer", Path="/ops/", AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


# --- the record and its envelope ---------------------------------------------------------------------------


def test_record_has_every_field_of_a_real_one(wire: Wire, ec2: Any, group: str) -> None:
    ec2.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": "web"}])
    event = wire.event("CreateTags")
    detail = dict(event["detail"])
    assert {k: v for k, v in event.items() if k != "detail"} == {
        "version": "0", "id": detail["eventID"], "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2", "account": ACCOUNT, "time": "2026-03-01T12:00:05Z", "region": REGION,
        "resources": [],
    }  # fmt: skip
    assert re.match(r"Boto3/", detail.pop("userAgent"))
    for name in ("eventID", "requestID"):
        assert re.fullmatch(r"[\w-]{36,}", detail.pop(name))
    answer = detail.pop("responseElements")
    assert answer == {"_return": True, "requestId": event["detail"]["requestID"]}
    assert detail == {
        "eventVersion": "1.11", "userIdentity": ADA, "eventTime": "2026-03-01T12:00:05Z",
        "eventSource": "ec2.amazonaws.com", "eventName": "CreateTags", "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7", "readOnly": False, "eventType": "AwsApiCall",
        "managementEvent": True, "recipientAccountId": ACCOUNT, "eventCategory": "Management",
        "requestParameters": {
            "resourcesSet": {"items": [{"resourceId": group}]},
            "tagSet": {"items": [{"key": "team", "value": "web"}]},
        },
    }  # fmt: skip


def test_a_read_is_marked_and_shows_no_answer(wire: Wire, ec2: Any, group: str) -> None:
    ec2.describe_security_groups(GroupIds=[group], Filters=[{"Name": "group-name", "Values": ["web"]}])
    record = wire.record("DescribeSecurityGroups")
    assert (record["readOnly"], record["responseElements"]) == (True, None)
    assert record["requestParameters"] == {
        "securityGroupIdSet": {"items": [{"groupId": group}]},
        "filterSet": {"items": [{"name": "group-name", "valueSet": {"items": [{"value": "web"}]}}]},
    }


def test_ec2_error_carries_its_side_and_no_answer(wire: Wire, ec2: Any, group: str) -> None:
    rule = [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    with pytest.raises(ClientError):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    record = wire.record("AuthorizeSecurityGroupIngress")
    assert record["errorCode"] == "Client.InvalidPermission.Duplicate"
    assert record["errorMessage"] == "The specified rule already exists"
    assert record["responseElements"] is None
    assert record["requestParameters"]["groupId"] == group


def test_query_error_has_the_name_of_its_exception(wire: Wire) -> None:
    with pytest.raises(ClientError):
        wire.client("iam").delete_user(UserName="nobody")
    record = wire.record("DeleteUser")
    assert (record["errorCode"], record["awsRegion"]) == ("NoSuchEntityException", "us-east-1")


def test_s3_and_json_errors(wire: Wire) -> None:
    with pytest.raises(ClientError):
        wire.client("s3").head_bucket(Bucket="not-there")
    assert wire.record("HeadBucket")["errorCode"] == "NoSuchBucket"
    with pytest.raises(ClientError):
        wire.client("kms").describe_key(KeyId="12345678-1234-1234-1234-123456789012")
    assert wire.record("DescribeKey")["errorCode"] == "NotFoundException"


def test_an_operation_moto_lacks_is_a_failed_call_and_told(wire: Wire, ec2: Any) -> None:
    with pytest.raises(Exception, match=r"500|parse"):
        ec2.enable_serial_console_access()
    record = wire.record("EnableSerialConsoleAccess")
    assert record["errorCode"] == "Server.InternalError"
    # A real capture shows this empty string for a wrapped request without parameters.
    assert record["requestParameters"] == {"EnableSerialConsoleAccessRequest": ""}
    assert any("EnableSerialConsoleAccess" in text for text in wire.complaints)


# --- EC2 ---------------------------------------------------------------------------------------------------


def test_flat_ingress(wire: Wire, ec2: Any, group: str) -> None:
    # The real flat shape: cidrIp, fromPort, groupId, ipPermissions (empty), ipProtocol, toPort.
    ec2.authorize_security_group_ingress(GroupId=group, CidrIp="0.0.0.0/0", IpProtocol="tcp", FromPort=22, ToPort=22)
    record = wire.record("AuthorizeSecurityGroupIngress")
    assert record["requestParameters"] == {
        "cidrIp": "0.0.0.0/0", "fromPort": 22, "groupId": group, "ipPermissions": {}, "ipProtocol": "tcp",
        "toPort": 22,
    }  # fmt: skip
    (rule,) = record["responseElements"]["securityGroupRuleSet"]["items"]
    assert rule["securityGroupRuleId"].startswith("sgr-")
    assert {"cidrIpv4": "0.0.0.0/0", "fromPort": 22, "toPort": 22, "isEgress": False}.items() <= rule.items()
    assert record["responseElements"]["_return"] is True
    assert record["responseElements"]["requestId"] == record["requestID"]


def test_nested_ingress_and_revoke(wire: Wire, ec2: Any, group: str) -> None:
    permission = {
        "IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389,
        "IpRanges": [{"CidrIp": "198.51.100.0/24", "Description": "office"}, {"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
    }  # fmt: skip
    expected = {"groupId": group, "ipPermissions": {"items": [{
        "ipProtocol": "tcp", "fromPort": 3389, "toPort": 3389, "groups": {}, "prefixListIds": {},
        "ipRanges": {"items": [
            {"cidrIp": "198.51.100.0/24", "description": "office"}, {"cidrIp": "0.0.0.0/0"},
        ]},
        "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]},
    }]}}  # fmt: skip
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert wire.record("AuthorizeSecurityGroupIngress")["requestParameters"] == expected
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert wire.record("RevokeSecurityGroupIngress")["requestParameters"] == expected


def test_modified_and_revoked_rule(wire: Wire, ec2: Any, group: str) -> None:
    made = ec2.authorize_security_group_ingress(
        GroupId=group, CidrIp="10.0.0.0/8", IpProtocol="tcp", FromPort=443, ToPort=443
    )
    rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    wide = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": wide}]
    )
    assert wire.record("ModifySecurityGroupRules")["requestParameters"] == {
        "ModifySecurityGroupRulesRequest": {
            "GroupId": group,
            "SecurityGroupRule": {"SecurityGroupRuleId": rule, "SecurityGroupRule": wide, "tag": 1},
        }
    }
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    assert wire.record("RevokeSecurityGroupIngress")["requestParameters"] == {
        "groupId": group, "ipPermissions": {},
        "securityGroupRuleIds": {"items": [{"securityGroupRuleId": rule}]},
    }  # fmt: skip


def test_two_rules_modified_are_a_list(wire: Wire, ec2: Any, group: str) -> None:
    # Moto names the rules of one permission only in its answer, so one rule at a time.
    made = [
        ec2.authorize_security_group_ingress(
            GroupId=group, CidrIp="10.1.0.0/16", IpProtocol="tcp", FromPort=port, ToPort=port
        )["SecurityGroupRules"][0]
        for port in (5432, 6379)
    ]
    rules = [rule["SecurityGroupRuleId"] for rule in made]
    narrow = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIpv4": "10.2.0.0/16"}
    changes = [
        {"SecurityGroupRuleId": rule, "SecurityGroupRule": {**narrow, "FromPort": n, "ToPort": n}}
        for n, rule in enumerate(rules, 100)
    ]
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=changes)
    request = wire.record("ModifySecurityGroupRules")["requestParameters"]["ModifySecurityGroupRulesRequest"]
    assert [(r["SecurityGroupRuleId"], r["tag"]) for r in request["SecurityGroupRule"]] == [
        (rules[0], 1), (rules[1], 2),
    ]  # fmt: skip


def permissions(ec2: Any, snapshot: str) -> list[dict[str, str]]:
    answer = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    return sorted(answer["CreateVolumePermissions"], key=str)


def test_snapshot_permissions_take_effect_in_both_forms(wire: Wire, ec2: Any, snapshot: str) -> None:
    # Real keys: attributeType, createVolumePermission.add.items[], snapshotId; the same for both forms.
    def shared(change: str, *who: dict[str, str]) -> dict[str, Any]:
        return {
            "snapshotId": snapshot, "attributeType": "CREATE_VOLUME_PERMISSION",
            "createVolumePermission": {change: {"items": list(who)}},
        }  # fmt: skip

    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot,
        CreateVolumePermission={"Add": [{"Group": "all"}, {"UserId": "111122223333"}]},
    )
    record = wire.record("ModifySnapshotAttribute")
    assert record["requestParameters"] == shared("add", {"group": "all"}, {"userId": "111122223333"})
    assert set(record["responseElements"]) == {"_return", "requestId"}
    assert permissions(ec2, snapshot) == [{"Group": "all"}, {"UserId": "111122223333"}]

    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="remove", GroupNames=["all"]
    )
    record = wire.record("ModifySnapshotAttribute")
    assert record["requestParameters"] == shared("remove", {"group": "all"})
    assert permissions(ec2, snapshot) == [{"UserId": "111122223333"}]

    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot,
        CreateVolumePermission={"Add": [{"UserId": "444455556666"}], "Remove": [{"UserId": "111122223333"}]},
    )
    assert permissions(ec2, snapshot) == [{"UserId": "444455556666"}]


def test_image_permissions(wire: Wire, ec2: Any, image: str) -> None:
    public = {
        "imageId": image, "attributeType": "launchPermission",
        "launchPermission": {"add": {"items": [{"group": "all"}]}},
    }  # fmt: skip
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    assert wire.record("ModifyImageAttribute")["requestParameters"] == public
    ec2.modify_image_attribute(ImageId=image, Attribute="launchPermission", OperationType="add", UserGroups=["all"])
    assert wire.record("ModifyImageAttribute")["requestParameters"] == public


def test_instances(wire: Wire, ec2: Any, image: str) -> None:
    made = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", UserData="echo hush",
        ClientToken="token",
    )  # fmt: skip
    instance = made["Instances"][0]["InstanceId"]
    assert wire.record("RunInstances")["requestParameters"] == {
        "blockDeviceMapping": {}, "clientToken": "token", "disableApiStop": False,
        "disableApiTermination": False, "instanceType": "t3.micro", "monitoring": {"enabled": False},
        "instancesSet": {"items": [{"imageId": image, "maxCount": 1, "minCount": 1}]},
        "userData": "<sensitiveDataRemoved>",
    }  # fmt: skip
    ec2.stop_instances(InstanceIds=[instance], Force=True)
    record = wire.record("StopInstances")
    assert record["requestParameters"] == {
        "force": True, "instancesSet": {"items": [{"instanceId": instance}]},
    }  # fmt: skip
    assert record["responseElements"]["instancesSet"]["items"][0]["previousState"] == {
        "code": 16, "name": "running",
    }  # fmt: skip
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="optional")
    assert wire.record("ModifyInstanceMetadataOptions")["requestParameters"] == {
        "ModifyInstanceMetadataOptionsRequest": {"HttpTokens": "optional", "InstanceId": instance}
    }
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    assert wire.record("ModifyInstanceAttribute")["requestParameters"] == {
        "instanceId": instance, "disableApiTermination": {"value": False},
    }  # fmt: skip


def test_flow_logs(wire: Wire, ec2: Any, bucket: str) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    (flow_log,) = ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{bucket}",
    )["FlowLogIds"]  # fmt: skip
    ec2.delete_flow_logs(FlowLogIds=[flow_log])
    assert wire.record("DeleteFlowLogs")["requestParameters"] == {
        "DeleteFlowLogsRequest": {"FlowLogId": {"content": flow_log, "tag": 1}}
    }
    assert "DeleteFlowLogsResponse" in wire.record("DeleteFlowLogs")["responseElements"]


def test_create_volume_names_its_zone(wire: Wire, ec2: Any) -> None:
    ec2.create_volume(AvailabilityZone=f"{REGION}b", Size=1, ClientToken="token")
    record = wire.record("CreateVolume")
    assert record["requestParameters"] == {"clientToken": "token", "size": 1, "zone": f"{REGION}b"}
    assert {"volumeId", "zone", "encrypted", "createTime"} <= set(record["responseElements"])


# --- S3 ----------------------------------------------------------------------------------------------------

S3_XMLNS = {"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False}
S3_CALLS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("put_bucket_policy", {"Policy": OPEN_POLICY}, "PutBucketPolicy",
     {"policy": "", "bucketPolicy": json.loads(OPEN_POLICY)}),
    ("delete_bucket_policy", {}, "DeleteBucketPolicy", {"policy": ""}),
    ("put_public_access_block", {"PublicAccessBlockConfiguration": BLOCK}, "PutBucketPublicAccessBlock",
     {"publicAccessBlock": "", "PublicAccessBlockConfiguration": S3_XMLNS | BLOCK}),
    ("delete_public_access_block", {}, "DeleteBucketPublicAccessBlock", {"publicAccessBlock": ""}),
    ("put_bucket_acl", {"ACL": "public-read"}, "PutBucketAcl", {"acl": "", "x-amz-acl": "public-read"}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}, "PutBucketVersioning",
     {"versioning": "", "VersioningConfiguration": S3_XMLNS | {"Status": "Suspended"}}),
    ("put_bucket_logging", {"BucketLoggingStatus": {}}, "PutBucketLogging",
     {"logging": "", "BucketLoggingStatus": S3_XMLNS}),
    ("put_bucket_encryption",
     {"ServerSideEncryptionConfiguration": {"Rules": [
         {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
     ]}},
     "PutBucketEncryption",
     {"encryption": "", "ServerSideEncryptionConfiguration": S3_XMLNS | {
         "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
     }}),
    ("delete_bucket_encryption", {}, "DeleteBucketEncryption", {"encryption": ""}),
    ("put_bucket_lifecycle_configuration",
     {"LifecycleConfiguration": {"Rules": [
         {"ID": "old", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 30}},
     ]}},
     "PutBucketLifecycle",
     {"lifecycle": "", "LifecycleConfiguration": S3_XMLNS | {
         "Rule": {"ID": "old", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 30}},
     }}),
    ("get_bucket_acl", {}, "GetBucketAcl", {"acl": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "name", "expected"), S3_CALLS, ids=[c[2] for c in S3_CALLS])
def test_bucket_calls(
    wire: Wire, bucket: str, method: str, arguments: dict[str, Any], name: str, expected: dict[str, Any]
) -> None:
    getattr(wire.client("s3"), method)(Bucket=bucket, **arguments)
    event = wire.event(name)
    record = event["detail"]
    assert (event["source"], record["eventSource"]) == ("aws.s3", "s3.amazonaws.com")
    host = wire.url.removeprefix("http://")
    assert record["requestParameters"] == {"bucketName": bucket, "Host": host, **expected}
    assert record["responseElements"] is None


def test_create_bucket(wire: Wire, bucket: str) -> None:
    # A real record: CreateBucketConfiguration {xmlns, LocationConstraint}, bucketName, no answer.
    parameters = wire.record("CreateBucket")["requestParameters"]
    assert parameters["CreateBucketConfiguration"] == S3_XMLNS | {"LocationConstraint": REGION}
    assert parameters["bucketName"] == bucket


def test_bucket_acl_with_a_body(wire: Wire, bucket: str) -> None:
    s3 = wire.client("s3")
    everybody = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={
        "Owner": s3.get_bucket_acl(Bucket=bucket)["Owner"],
        "Grants": [{"Grantee": everybody, "Permission": "READ"}],
    })  # fmt: skip
    policy = wire.record("PutBucketAcl")["requestParameters"]["AccessControlPolicy"]
    assert policy["AccessControlList"] == {"Grant": {"Permission": "READ", "Grantee": {
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "xsi:type": "Group", "URI": everybody["URI"],
    }}}  # fmt: skip


def test_account_public_access_block(wire: Wire) -> None:
    # The client puts the account id before the host, which no resolver knows; as its own proxy it arrives.
    control = wire.client("s3control", proxies={"http": wire.url})
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=BLOCK)
    record = wire.record("PutAccountPublicAccessBlock")
    xmlns = {"xmlns": "http://awss3control.amazonaws.com/doc/2018-08-20/"}
    assert record["eventSource"] == "s3.amazonaws.com"
    assert record["requestParameters"] == {
        "accountId": ACCOUNT, "Host": f"{ACCOUNT}.{wire.url.removeprefix('http://')}",
        "PublicAccessBlockConfiguration": xmlns | BLOCK,
    }  # fmt: skip
    control.delete_public_access_block(AccountId=ACCOUNT)
    deleted = wire.record("DeleteAccountPublicAccessBlock")
    assert set(deleted["requestParameters"]) == {"accountId", "Host"}


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_call_belongs_to_its_key(wire: Wire, bucket: str, version: str) -> None:
    s3 = wire.client("s3", signature_version=version)
    url = s3.generate_presigned_url("get_bucket_versioning", Params={"Bucket": bucket})
    urllib.request.urlopen(url, timeout=10).close()
    record = wire.record("GetBucketVersioning")
    assert record["userIdentity"] == ADA
    assert set(record["requestParameters"]) == {"bucketName", "Host", "versioning"}


def test_chunked_uploads_pass_and_chunked_configurations_are_read(wire: Wire, bucket: str) -> None:
    s3 = wire.client("s3")
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"hello" * 1000, ChecksumAlgorithm="SHA256")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"hello" * 1000
    assert unchunked(b"5;chunk-signature=abc\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n") == b"helloyou"

    def pieces() -> Iterator[bytes]:
        yield b"<VersioningConfiguration><Status>"
        yield b"Enabled</Status></VersioningConfiguration>"

    # urllib sends a body of unknown length with `Transfer-Encoding: chunked`.
    scope = f"AWS4-HMAC-SHA256 Credential={KEY}/20260301/{REGION}/s3/aws4_request, SignedHeaders=host"
    request = urllib.request.Request(
        f"{wire.url}/{bucket}?versioning", data=pieces(), method="PUT",
        headers={"Authorization": scope, "Content-Type": "application/xml"},
    )  # fmt: skip
    urllib.request.urlopen(request, timeout=10).close()
    parameters = wire.record("PutBucketVersioning")["requestParameters"]
    assert parameters["VersioningConfiguration"] == {"Status": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


# --- the other services ------------------------------------------------------------------------------------


def test_rds(wire: Wire) -> None:
    rds = wire.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres",
        MasterUsername="owner", MasterUserPassword="hush-hush", AllocatedStorage=20,
    )  # fmt: skip
    record = wire.record("CreateDBInstance")
    assert record["requestParameters"] == {
        "dBInstanceIdentifier": "orders", "dBInstanceClass": "db.t3.micro", "engine": "postgres",
        "masterUsername": "owner", "masterUserPassword": HIDDEN, "allocatedStorage": 20,
    }  # fmt: skip
    # The real answer shows the instance itself, not a `dBInstance` around it.
    assert record["responseElements"]["dBInstanceIdentifier"] == "orders"
    assert "hush-hush" not in json.dumps(wire.events)
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="leak")
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="leak", AttributeName="restore", ValuesToAdd=["all"])
    record = wire.record("ModifyDBSnapshotAttribute")
    assert record["requestParameters"] == {
        "attributeName": "restore", "dBSnapshotIdentifier": "leak", "valuesToAdd": ["all"],
    }  # fmt: skip
    assert record["responseElements"] == {
        "dBSnapshotAttributes": [{"attributeName": "restore", "attributeValues": ["all"]}],
        "dBSnapshotIdentifier": "leak",
    }
    rds.modify_db_instance(DBInstanceIdentifier="orders", PubliclyAccessible=True)
    assert wire.record("ModifyDBInstance")["requestParameters"] == {
        "dBInstanceIdentifier": "orders", "publiclyAccessible": True,
    }  # fmt: skip


def test_cloudtrail(wire: Wire, bucket: str) -> None:
    cloudtrail = wire.client("cloudtrail")
    cloudtrail.create_trail(Name="main", S3BucketName=bucket)
    assert wire.record("CreateTrail")["requestParameters"] == {"name": "main", "s3BucketName": bucket}
    assert "trailARN" in wire.record("CreateTrail")["responseElements"]
    selector = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": False}
    cloudtrail.put_event_selectors(TrailName="main", EventSelectors=[selector])
    assert wire.record("PutEventSelectors")["requestParameters"] == {
        "trailName": "main",
        "eventSelectors": [{"readWriteType": "ReadOnly", "includeManagementEvents": False}],
    }
    cloudtrail.start_logging(Name="main")
    for call, name in ((cloudtrail.stop_logging, "StopLogging"), (cloudtrail.delete_trail, "DeleteTrail")):
        call(Name="main")
        record = wire.record(name)
        assert (record["requestParameters"], record["responseElements"]) == ({"name": "main"}, None)


def test_lambda(wire: Wire, role: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass")
    functions = wire.client("lambda")
    functions.create_function(
        FunctionName="pay", Runtime="python3.12", Role=role, Handler="app.handler",
        Code={"ZipFile": packed.getvalue()}, Environment={"Variables": {"TOKEN": "hush-hush"}},
    )  # fmt: skip
    # Real records keep `environment` and empty it, and never carry the archive.
    assert wire.record("CreateFunction20150331")["requestParameters"] == {
        "functionName": "pay", "runtime": "python3.12", "role": role, "handler": "app.handler", "code": {},
        "environment": {},
    }  # fmt: skip
    functions.add_permission(FunctionName="pay", StatementId="open", Action="lambda:InvokeFunction", Principal="*")
    record = wire.record("AddPermission20150331v2")
    assert record["requestParameters"] == {
        "action": "lambda:InvokeFunction", "functionName": "pay", "principal": "*", "statementId": "open",
    }  # fmt: skip
    assert set(record["responseElements"]) == {"statement"}
    functions.update_function_code(FunctionName="pay", ZipFile=packed.getvalue(), Publish=True)
    record = wire.record("UpdateFunctionCode20150331v2")
    assert record["requestParameters"] == {"functionName": "pay", "publish": True}
    functions.create_function_url_config(FunctionName="pay", AuthType="NONE")
    assert wire.record("CreateFunctionUrlConfig")["requestParameters"] == {
        "authType": "NONE", "functionName": "pay",
    }  # fmt: skip
    assert "hush-hush" not in json.dumps(wire.events)


def test_kms(wire: Wire) -> None:
    kms = wire.client("kms")
    key = kms.create_key(Description="d")["KeyMetadata"]["KeyId"]
    assert wire.record("CreateKey")["responseElements"]["keyMetadata"]["keyId"] == key
    kms.encrypt(KeyId=key, Plaintext=b"hush-hush")
    record = wire.record("Encrypt")
    assert (record["requestParameters"], record["responseElements"]) == ({"keyId": key}, None)
    assert record["readOnly"] is True
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert wire.record("ScheduleKeyDeletion")["requestParameters"] == {
        "keyId": key, "pendingWindowInDays": 7,
    }  # fmt: skip
    kms.cancel_key_deletion(KeyId=key)
    assert wire.record("CancelKeyDeletion")["requestParameters"] == {"keyId": key}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=OPEN_POLICY)
    assert wire.record("PutKeyPolicy")["requestParameters"] == {
        "keyId": key, "policyName": "default", "policy": OPEN_POLICY,
    }  # fmt: skip


def test_sqs_sns_dynamodb(wire: Wire) -> None:
    sqs, sns, dynamodb = (wire.client(s) for s in ("sqs", "sns", "dynamodb"))
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert wire.record("CreateQueue")["requestParameters"] == {"queueName": "jobs"}
    assert wire.record("CreateQueue")["responseElements"] == {"queueUrl": queue}
    policy = OPEN_POLICY.replace("s3:GetObject", "sqs:SendMessage")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    assert wire.record("SetQueueAttributes")["requestParameters"] == {
        "attributes": {"Policy": policy}, "queueUrl": queue,
    }  # fmt: skip
    topic = sns.create_topic(Name="news")["TopicArn"]
    assert wire.record("CreateTopic")["requestParameters"] == {"name": "news"}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="n")
    assert wire.record("SetTopicAttributes")["requestParameters"] == {
        "attributeName": "DisplayName", "attributeValue": "n", "topicArn": topic,
    }  # fmt: skip
    dynamodb.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )  # fmt: skip
    assert wire.record("CreateTable")["requestParameters"] == {
        "tableName": "orders", "billingMode": "PAY_PER_REQUEST",
        "attributeDefinitions": [{"attributeName": "pk", "attributeType": "S"}],
        "keySchema": [{"attributeName": "pk", "keyType": "HASH"}],
    }  # fmt: skip
    dynamodb.update_table(TableName="orders", DeletionProtectionEnabled=False)
    assert wire.record("UpdateTable")["requestParameters"] == {
        "deletionProtectionEnabled": False, "tableName": "orders",
    }  # fmt: skip


def test_iam_logins_show_no_password(wire: Wire) -> None:
    iam = wire.client("iam")
    iam.create_user(UserName="grace", Tags=[{"Key": "team", "Value": "web"}])
    assert wire.record("CreateUser")["requestParameters"] == {
        "tags": [{"key": "team", "value": "web"}], "userName": "grace",
    }  # fmt: skip
    iam.create_login_profile(UserName="grace", Password="Hush-hush-1!", PasswordResetRequired=False)
    # Real records leave the password out of this call, they do not even name it.
    record = wire.record("CreateLoginProfile")
    assert record["requestParameters"] == {"passwordResetRequired": False, "userName": "grace"}
    made = record["responseElements"]["loginProfile"]["createDate"]
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M", made)
    document = OPEN_POLICY.replace('"Principal": "*", ', "")
    iam.put_user_policy(UserName="grace", PolicyName="all", PolicyDocument=document)
    assert wire.record("PutUserPolicy")["requestParameters"] == {
        "policyDocument": document, "policyName": "all", "userName": "grace",
    }  # fmt: skip
    assert "Hush-hush-1!" not in json.dumps(wire.events)


def test_secrets_and_parameters(wire: Wire) -> None:
    wire.client("secretsmanager").create_secret(Name="db", SecretString="hush-hush")
    assert wire.record("CreateSecret")["requestParameters"]["secretString"] == HIDDEN
    wire.client("ssm").put_parameter(Name="/db", Value="hush-hush", Type="SecureString")
    assert wire.record("PutParameter")["requestParameters"]["value"] == HIDDEN
    assert "hush-hush" not in json.dumps(wire.events)


def test_sources_of_services_with_other_names(wire: Wire, role: str) -> None:
    wire.client("cloudwatch").delete_alarms(AlarmNames=["none"])
    wire.client("elbv2").describe_load_balancers()
    wire.client("elb").describe_load_balancers()
    wire.client("events").put_rule(Name="r", EventPattern='{"source": ["x"]}')
    machine = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    wire.client("stepfunctions").create_state_machine(name="m", definition=machine, roleArn=role)
    wire.client("apigateway").create_rest_api(name="api")
    wire.client("apigatewayv2").create_api(Name="api", ProtocolType="HTTP")
    wire.client("route53").create_hosted_zone(Name="example.test", CallerReference="1")
    seen = {e["detail"]["eventName"]: (e["source"], e["detail"]["awsRegion"]) for e in wire.events}
    assert seen["DeleteAlarms"] == ("aws.monitoring", REGION)
    assert seen["DescribeLoadBalancers"] == ("aws.elasticloadbalancing", REGION)
    assert seen["PutRule"] == ("aws.events", REGION)
    assert seen["CreateStateMachine"] == ("aws.states", REGION)
    assert seen["CreateApi"] == seen["CreateRestApi"] == ("aws.apigateway", REGION)
    assert seen["CreateHostedZone"] == ("aws.route53", "us-east-1")
    # A real record keeps the body of an API Gateway call under `<operation>Input`, beside `template`.
    assert wire.record("CreateRestApi")["requestParameters"] == {
        "createRestApiInput": {"name": "api"}, "template": False,
    }  # fmt: skip


# --- what is not recorded ----------------------------------------------------------------------------------


def test_data_plane_is_not_recorded(wire: Wire, bucket: str) -> None:
    queue = wire.client("sqs").create_queue(QueueName="mail")["QueueUrl"]
    topic = wire.client("sns").create_topic(Name="mail")["TopicArn"]
    wire.client("dynamodb").create_table(
        TableName="mail", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )  # fmt: skip
    wire.client("logs").create_log_group(logGroupName="/mail")
    wire.client("logs").create_log_stream(logGroupName="/mail", logStreamName="s")
    before = len(wire.events)
    s3 = wire.client("s3")
    s3.put_object(Bucket=bucket, Key="deep/er key+.txt", Body=b"x")
    s3.get_object(Bucket=bucket, Key="deep/er key+.txt")
    s3.put_object_acl(Bucket=bucket, Key="deep/er key+.txt", ACL="private")
    s3.list_objects_v2(Bucket=bucket)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "deep/er key+.txt"}]})
    wire.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    wire.client("sqs").receive_message(QueueUrl=queue)
    wire.client("sns").publish(TopicArn=topic, Message="x")
    wire.client("dynamodb").put_item(TableName="mail", Item={"pk": {"S": "x"}})
    wire.client("dynamodb").scan(TableName="mail")
    wire.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
    wire.client("logs").put_log_events(
        logGroupName="/mail", logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "x"}],
    )  # fmt: skip
    assert wire.events[before:] == []
    assert not any("mail" in text for text in wire.complaints)


def test_data_plane_table_names_real_operations_and_every_object_call() -> None:
    loader = create_loader()
    for service, operations in DATA_PLANE.items():
        assert operations <= set(loader.load_service_model(service, "service-2")["operations"])
    s3 = loader.load_service_model("s3", "service-2")["operations"]
    objects = {name for name, model in s3.items() if "{Key" in model["http"]["requestUri"]}
    assert objects <= DATA_PLANE["s3"]


def test_names_and_reads() -> None:
    assert event_name("lambda", "RemovePermission") == "RemovePermission20150331v2"
    assert event_name("s3", "GetBucketLifecycleConfiguration") == "GetBucketLifecycle"
    assert is_read("sts", "AssumeRole")
    # A real record of this one says `readOnly: false`.
    assert not is_read("sts", "GetFederationToken")
    assert is_read("ecr", "BatchCheckLayerAvailability")
    assert not is_read("ec2", "StartInstances")


# --- PutEvents ---------------------------------------------------------------------------------------------


def test_accepted_entries_are_handed_over(wire: Wire) -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    before = len(wire.events)
    answer = wire.client("events").put_events(Entries=[
        {"Source": "shop", "DetailType": "Sold", "Detail": '{"n": 1}', "Resources": ["arn:x"], "Time": at},
        {"Source": "shop", "DetailType": "Sold", "Detail": "{broken"},
        {"Source": "shop", "DetailType": "Back", "Detail": '{"n": 2}'},
    ])  # fmt: skip
    assert answer["FailedEntryCount"] == 1
    ids = [entry["EventId"] for entry in answer["Entries"] if "EventId" in entry]
    common = {"version": "0", "source": "shop", "account": ACCOUNT, "region": REGION}
    assert wire.put[-2:] == [
        {**common, "id": ids[0], "detail-type": "Sold", "time": "2026-02-03T04:05:06Z",
         "resources": ["arn:x"], "detail": {"n": 1}},
        {**common, "id": ids[1], "detail-type": "Back", "time": "2026-03-01T12:00:05Z",
         "resources": [], "detail": {"n": 2}},
    ]  # fmt: skip
    assert wire.events[before:] == []


def test_another_bus_is_refused_loudly(wire: Wire) -> None:
    events, handed = wire.client("events"), len(wire.put)
    events.create_event_bus(Name="side")
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": "{}", "EventBusName": "side"}
    events.put_events(Entries=[entry])
    assert len(wire.put) == handed
    assert any("bus side" in text for text in wire.complaints)


# --- identities --------------------------------------------------------------------------------------------


def test_a_new_access_key_belongs_to_its_user(wire: Wire) -> None:
    iam = wire.client("iam")
    iam.create_user(UserName="linus", Path="/team/")
    made = iam.create_access_key(UserName="linus")["AccessKey"]
    answer = wire.record("CreateAccessKey")["responseElements"]["accessKey"]
    assert set(answer) == {"accessKeyId", "createDate", "status", "userName"}
    assert made["SecretAccessKey"] not in json.dumps(wire.events)
    wire.client("kms", key=made["AccessKeyId"]).list_keys()
    record = wire.record("ListKeys")
    identity = record["userIdentity"]
    assert re.fullmatch(r"\w+", identity.pop("principalId"))
    assert identity == {
        "type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/team/linus", "accountId": ACCOUNT,
        "accessKeyId": made["AccessKeyId"], "userName": "linus",
    }  # fmt: skip
    assert record["sourceIPAddress"] == "198.51.100.7"


def test_an_assumed_role_is_a_session_of_its_caller(wire: Wire, role: str) -> None:
    made = wire.client("sts").assume_role(RoleArn=role, RoleSessionName="release-7")
    record = wire.record("AssumeRole")
    assert record["requestParameters"] == {"roleArn": role, "roleSessionName": "release-7"}
    credentials = record["responseElements"]["credentials"]
    assert set(credentials) == {"accessKeyId", "expiration", "sessionToken"}
    assert credentials["sessionToken"] == HIDDEN
    key = made["Credentials"]["AccessKeyId"]
    wire.client("sns", key=key, token=made["Credentials"]["SessionToken"]).list_topics()
    record = wire.record("ListTopics")
    role_id = made["AssumedRoleUser"]["AssumedRoleId"].split(":")[0]
    assert record["userIdentity"] == {
        "type": "AssumedRole", "principalId": f"{role_id}:release-7",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/release-7", "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": role_id, "arn": role, "accountId": ACCOUNT,
                "userName": "deployer",
            },
            "attributes": {"creationDate": "2026-03-01T12:00:05Z", "mfaAuthenticated": "false"},
        },
    }  # fmt: skip
    assert record["sourceIPAddress"] == "198.51.100.7"


def test_an_unknown_key_is_nobody(wire: Wire) -> None:
    wire.client("sqs", key="AKIANOBODYKNOWSTHIS0").list_queues()
    record = wire.record("ListQueues")
    assert record["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIANOBODYKNOWSTHIS0"}
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert Identities().lookup(None).user_identity == {"type": "Unknown"}


# --- what cannot be decoded --------------------------------------------------------------------------------


def test_an_undecodable_request_is_answered_and_told(wire: Wire) -> None:
    before = len(wire.events)
    scope = f"AWS4-HMAC-SHA256 Credential={KEY}/20260301/{REGION}/ec2/aws4_request, SignedHeaders=host"
    request = urllib.request.Request(
        wire.url, data=b"Action=NoSuchThing&Version=2016-11-15", headers={"Authorization": scope}
    )
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)
    assert wire.events[before:] == []
    assert "signed for ec2" in wire.complaints[-1]


def fake(answer: bytes, status: str = "200 OK") -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [("Content-Type", "text/xml"), ("X-Odd", "kept")])
        return [answer + environ["wsgi.input"].read()]

    return app


def ask(trail: Trail, body: bytes, path: str = "/") -> tuple[bytes, list[Any]]:
    started: list[Any] = []
    scope = f"AWS4-HMAC-SHA256 Credential={KEY}/20260301/{REGION}/ec2/aws4_request, SignedHeaders=host"
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": "127.0.0.1:4566",
        "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": scope, "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "4566",
    }  # fmt: skip
    chunks = trail(environ, lambda status, headers: started.append((status, headers)))
    return b"".join(chunks), started


def test_an_unreadable_answer_reaches_the_caller_unchanged() -> None:
    events: list[dict[str, Any]] = []
    complaints: list[str] = []
    trail = Trail(fake(b"not xml at all "), Identities(), events.append, account=ACCOUNT, complain=complaints.append)
    body = b"Action=CreateTags&Version=2016-11-15&ResourceId.1=sg-1&Tag.1.Key=a&Tag.1.Value=b"
    answer, started = ask(trail, body)
    assert answer == b"not xml at all " + body
    assert started == [("200 OK", [("Content-Type", "text/xml"), ("X-Odd", "kept")])]
    assert "ec2:CreateTags POST /" in complaints[0]
    # The call did happen; of its answer nothing is claimed.
    assert events[0]["detail"]["responseElements"] is None
    assert "errorCode" not in events[0]["detail"]


def test_a_failing_receiver_does_not_fail_the_caller() -> None:
    def refuse(event: dict[str, Any]) -> None:
        raise RuntimeError("full")

    complaints: list[str] = []
    trail = Trail(fake(b"<a/>"), Identities(), refuse, account=ACCOUNT, complain=complaints.append)
    body = b"Action=CreateTags&Version=2016-11-15&ResourceId.1=sg-1"
    assert ask(trail, body)[0] == b"<a/>" + body
    assert "full" in complaints[-1]


def test_what_is_no_aws_call_passes_in_silence() -> None:
    complaints: list[str] = []
    trail = Trail(fake(b"page"), Identities(), print, account=ACCOUNT, complain=complaints.append)
    assert ask(trail, b"", "/moto-api/data.json")[0] == b"page"
    assert complaints == []


# --- the aws CLI -------------------------------------------------------------------------------------------


def test_cli_shares_a_snapshot(wire: Wire, ec2: Any) -> None:
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wire.cli(
        "ec2", "modify-snapshot-attribute", "--snapshot-id", snapshot,
        "--create-volume-permission", "Add=[{Group=all}]",
    )  # fmt: skip
    record = wire.record("ModifySnapshotAttribute")
    assert record["userAgent"].startswith("aws-cli/")
    assert record["requestParameters"] == {
        "snapshotId": snapshot, "attributeType": "CREATE_VOLUME_PERMISSION",
        "createVolumePermission": {"add": {"items": [{"group": "all"}]}},
    }  # fmt: skip
    assert permissions(ec2, snapshot) == [{"Group": "all"}]


def test_cli_opens_a_port(wire: Wire, group: str) -> None:
    wire.cli(
        "ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp",
        "--port", "5900", "--cidr", "0.0.0.0/0",
    )  # fmt: skip
    # The CLI turns its flat options into the nested form, as real records of it show.
    (permission,) = wire.record("AuthorizeSecurityGroupIngress")["requestParameters"]["ipPermissions"]["items"]
    assert permission["ipRanges"] == {"items": [{"cidrIp": "0.0.0.0/0"}]}


def test_cli_sets_the_account_block(wire: Wire) -> None:
    wire.cli(
        "s3control", "put-public-access-block", "--account-id", ACCOUNT,
        "--public-access-block-configuration", "BlockPublicAcls=false", HTTP_PROXY=wire.url,
    )  # fmt: skip
    parameters = wire.record("PutAccountPublicAccessBlock")["requestParameters"]
    assert parameters["accountId"] == ACCOUNT
    assert parameters["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is False


def test_cli_uploads_and_writes_a_policy(wire: Wire, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    before = len(wire.events)
    wire.cli("s3", "cp", str(tmp_path / "file"), f"s3://{bucket}/file")
    assert wire.events[before:] == []
    wire.cli("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", OPEN_POLICY)
    assert wire.record("PutBucketPolicy")["requestParameters"]["bucketPolicy"] == json.loads(OPEN_POLICY)
    assert wire.record("PutBucketPolicy")["userIdentity"] == ADA
