"""A trail that has a log group writes its records there, for as long as it logs and the group is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.trail import group
from tests.account import TestAccount
from tests.samples import ACCOUNT

NAME = "/cloudtrail/audit"
RECORD = {"eventID": "e1", "eventTime": "2026-11-21T10:00:00Z", "awsRegion": "eu-west-1", "readOnly": False}


@pytest.fixture
def audited(account: TestAccount) -> TestAccount:
    account.client("s3").create_bucket(Bucket="audit", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    account.client("logs").create_log_group(logGroupName=NAME)
    trail = account.client("cloudtrail")
    arn = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{NAME}:*"
    trail.create_trail(Name="audit", S3BucketName="audit", CloudWatchLogsLogGroupArn=arn, CloudWatchLogsRoleArn="role")
    trail.create_trail(Name="without", S3BucketName="audit")
    trail.start_logging(Name="audit")
    trail.start_logging(Name="without")
    return account


def written(account: TestAccount) -> list[dict[str, Any]]:
    found = account.client("logs").filter_log_events(logGroupName=NAME)["events"]
    return [{"at": one["timestamp"], "in": one["logStreamName"], "told": json.loads(one["message"])} for one in found]


def test_a_record_is_written_as_cloudtrail_writes_it(audited: TestAccount) -> None:
    group.write(ACCOUNT, RECORD)
    [one] = written(audited)
    assert one == {"at": 1_795_255_200_000, "in": f"{ACCOUNT}_CloudTrail_eu-west-1", "told": RECORD}
    audited.client("cloudtrail").stop_logging(Name="audit")
    group.write(ACCOUNT, RECORD)
    assert written(audited) == [one]


def test_a_group_that_is_gone_is_left(audited: TestAccount) -> None:
    audited.client("logs").delete_log_group(logGroupName=NAME)
    group.write(ACCOUNT, RECORD)
    assert audited.client("logs").describe_log_groups()["logGroups"] == []


def test_the_latest_are_kept(audited: TestAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "KEPT", 2)
    for number in range(3):
        group.write(ACCOUNT, {**RECORD, "eventID": f"e{number}"})
    assert [one["told"]["eventID"] for one in written(audited)] == ["e1", "e2"]
