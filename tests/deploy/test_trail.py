"""Where no trail logs, Parapet is blind: that is seen, and a trail is offered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws import AccountAws
from chalicelib.model import Aws
from deploy import trail
from tests.account import TestAccount
from tests.deploy.test_member import lint
from tests.samples import ACCOUNT, REGION

GLOBAL = "us-east-1"
ALL = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
READS = [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True, "DataResources": []}]
DATA = [{"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": []}]
TEMPLATE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    **trail.fragment(),
    "Parameters": {**trail.fragment()["Parameters"], "Stage": {"Type": "String", "Default": "test"}},
}


class Trails:
    """The account's trails."""

    def __init__(self, account: TestAccount) -> None:
        self.account = account
        account.client("s3", GLOBAL).create_bucket(Bucket="trails")

    def make(
        self,
        name: str,
        region: str = REGION,
        selectors: Any = ALL,
        logging: bool = True,
        bucket: str = "trails",
        **given: Any,
    ) -> None:
        cloudtrail = self.account.client("cloudtrail", region)
        cloudtrail.create_trail(Name=name, S3BucketName=bucket, **given)
        cloudtrail.put_event_selectors(TrailName=name, EventSelectors=selectors)
        if logging:
            cloudtrail.start_logging(Name=name)

    def reach(self, region: str) -> Aws:
        return AccountAws(self.account.clients, ACCOUNT, region)

    def blind(self) -> list[str]:
        return trail.blind(self.reach, (REGION, GLOBAL, REGION))


@pytest.fixture
def trails(account: TestAccount) -> Trails:
    return Trails(account)


class TestBlind:
    def test_without_a_trail(self, trails: Trails) -> None:
        assert trails.blind() == [REGION, GLOBAL]

    @pytest.mark.parametrize("home", [REGION, GLOBAL, "ap-south-1"])
    def test_not_with_one_for_all_regions(self, trails: Trails, home: str) -> None:
        trails.make("all", home, IsMultiRegionTrail=True)
        assert trails.blind() == []

    @pytest.mark.parametrize(
        ("given", "blind"),
        [
            ({"IsMultiRegionTrail": False}, [GLOBAL]),
            ({"IsMultiRegionTrail": True, "logging": False}, [REGION, GLOBAL]),
            ({"IsMultiRegionTrail": True, "selectors": READS}, [REGION, GLOBAL]),
            ({"IsMultiRegionTrail": True, "selectors": DATA}, [REGION, GLOBAL]),
        ],
    )
    def test_with_one_that_does_not_log_all_that_counts(
        self, trails: Trails, given: dict[str, Any], blind: list[str]
    ) -> None:
        trails.make("some", **given)
        assert trails.blind() == blind

    def test_in_the_global_region_without_global_services(self, trails: Trails) -> None:
        trails.make("here")
        trails.make("there", GLOBAL, IncludeGlobalServiceEvents=False)
        assert trails.blind() == [GLOBAL]
        trails.make("iam", GLOBAL, IncludeGlobalServiceEvents=True)
        assert trails.blind() == []

    def test_names_the_trails_that_log(self, trails: Trails) -> None:
        trails.make("all", GLOBAL, IsMultiRegionTrail=True)
        trails.make("stopped", logging=False)
        assert trail.logging(trails.reach, REGION) == [f"arn:aws:cloudtrail:{GLOBAL}:{ACCOUNT}:trail/all"]


class TestOffer:
    def test_passes_cfn_lint(self, tmp_path: Path) -> None:
        assert lint(tmp_path, TEMPLATE) == ""

    @pytest.mark.parametrize("wanted", ["false", "true"])
    def test_is_made_when_asked_for(self, account: TestAccount, wanted: str) -> None:
        # moto makes the bucket and leaves the trail out, whose own API takes the same properties.
        resources = TEMPLATE["Resources"]
        by_moto = {name: one for name, one in resources.items() if one["Type"] != "AWS::CloudTrail::Trail"}
        account.client("cloudformation").create_stack(
            StackName="parapet-test",
            TemplateBody=json.dumps({**TEMPLATE, "Resources": by_moto}),
            Parameters=[{"ParameterKey": "CreateTrail", "ParameterValue": wanted}],
        )
        buckets = [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]]
        assert len(buckets) == (wanted == "true")
        assert {one["Condition"] for one in resources.values()} == {"CreatesTrail"}
        for bucket in buckets:
            trails = Trails(account)
            given = resources["Trail"]["Properties"]
            everywhere = {name: given[name] for name in ("IsMultiRegionTrail", "IncludeGlobalServiceEvents")}
            trails.make("parapet-test", logging=given["IsLogging"], bucket=bucket, **everywhere)
            assert trails.blind() == []

    def test_keeps_its_bucket_from_the_world_and_from_being_deleted(self) -> None:
        bucket = TEMPLATE["Resources"]["TrailBucket"]
        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        statements = TEMPLATE["Resources"]["TrailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        allowed = [one for one in statements if one["Effect"] == "Allow"]
        assert {one["Principal"]["Service"] for one in allowed} == {"cloudtrail.amazonaws.com"}
        assert all(one["Condition"]["StringEquals"]["aws:SourceArn"] == {"Fn::Sub": trail.ARN} for one in allowed)
