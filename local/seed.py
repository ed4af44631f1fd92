"""A small account to play with: what a team of two would have, made through the same API as anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.backends import get_backend
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from local.trail import Identity

ROOT_KEY, INSTALLER_KEY = "AKIALOCALROOT0000000", "AKIALOCALINSTALL0000"
MANAGED = ("AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess")
Client = Callable[[str], Any]


@dataclass(frozen=True)
class Seeded:
    """What a person needs to try things: alice's access key, and ids by the name of their variable in `local/env`."""

    alice: tuple[str, str]
    variables: Mapping[str, str]


def people(account: str) -> dict[str, Identity]:
    """Return the people whose access keys are known before anything runs, by key."""
    return {
        ROOT_KEY: Identity(
            {
                "type": "Root",
                "principalId": account,
                "arn": f"arn:aws:iam::{account}:root",
                "accountId": account,
                "accessKeyId": ROOT_KEY,
            },
            "198.51.100.9",
        ),
        INSTALLER_KEY: Identity(user(account, "installer", INSTALLER_KEY), "198.51.100.2"),
    }


def user(account: str, name: str, key: str) -> dict[str, Any]:
    """Return CloudTrail's block about a user."""
    return {
        "type": "IAMUser",
        "principalId": f"AIDALOCAL{name.upper()}",
        "arn": f"arn:aws:iam::{account}:user/{name}",
        "accountId": account,
        "accessKeyId": key,
        "userName": name,
    }


def managed_policies(account: str) -> None:
    """Give moto the few AWS managed policies that people attach; all 1,300 would take it seconds to load."""
    backend, data = get_backend("iam")[account]["aws"], _managed()
    for name in MANAGED:
        policy = AWSManagedPolicy.from_data(name, account, "aws", data[name])
        backend.managed_policies[policy.arn] = policy


@cache
def _managed() -> dict[str, Any]:
    found = json.loads(aws_managed_policies_data)
    return {name: found[name] for name in MANAGED}


def seed(client: Client, account: str) -> Seeded:
    """Make the resources and return their ids."""
    ec2, s3, iam = client("ec2"), client("s3"), client("iam")
    location = {"LocationConstraint": ec2.meta.region_name}
    for bucket in ("demo-photos", "demo-trail"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_blocked())
    client("s3control").put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=_blocked())
    trail, group = client("cloudtrail"), "/cloudtrail/audit"
    client("logs").create_log_group(logGroupName=group)
    trail.create_trail(
        Name="audit", S3BucketName="demo-trail", IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{ec2.meta.region_name}:{account}:log-group:{group}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{account}:role/cloudtrail",
    )  # fmt: skip
    trail.start_logging(Name="audit")
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    iam.update_account_password_policy(
        MinimumPasswordLength=12,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        AllowUsersToChangePassword=True,
        MaxPasswordAge=90,
    )
    ec2.enable_ebs_encryption_by_default()
    ids = {**_network(ec2), **_images(ec2), **_data(client), "BUCKET": "demo-photos", "TRAIL": "audit"}
    return Seeded((key["AccessKeyId"], key["SecretAccessKey"]), ids)


def _blocked() -> dict[str, bool]:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return dict.fromkeys(names, True)


def _network(ec2: Any) -> dict[str, str]:
    group = ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]},
        ],
    )
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    return {"SG": group, "NACL": acl}


def _images(ec2: Any) -> dict[str, str]:
    volume = ec2.create_volume(AvailabilityZone=f"{ec2.meta.region_name}a", Size=8)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume, Description="nightly")["SnapshotId"]
    image = ec2.register_image(Name="web-golden", RootDeviceName="/dev/xvda")["ImageId"]
    launched = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", MetadataOptions={"HttpTokens": "required"}
    )
    return {"SNAPSHOT": snapshot, "AMI": image, "INSTANCE": launched["Instances"][0]["InstanceId"]}


def _data(client: Client) -> dict[str, str]:
    key = client("kms").create_key(Description="orders")["KeyMetadata"]["KeyId"]
    rds = client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="orders",
        MasterUserPassword="local-only-secret",
        PubliclyAccessible=False,
    )
    rds.create_db_snapshot(DBSnapshotIdentifier="orders-nightly", DBInstanceIdentifier="orders")
    return {"KEY": key, "DB": "orders", "DB_SNAPSHOT": "orders-nightly"}
