"""Every guardrail's `tags`, under its function's role: what the resource has, and nothing in a fix's way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import registry, tags
from chalicelib.model import AwsError
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION
from tests.scenario import Scenario
from tests.scenarios import SCENARIOS
from tests.wire import Fault, Made

TAGS = {"team": "orders", "ManagedBy": "terraform", "TerraformWorkspace": "prod"}
SOURCE = "Terraform workspace prod: mend its configuration"
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
# The account itself, its password policy and sign-ins have no tags of their own.
UNTAGGED = {
    "budgets_account_unbudgeted", "ec2_ebs_encryption_off", "ec2_nonproduction_running", "iam_password_policy_weak",
    "s3_account_unblocked", "signin_root_used", "signin_without_mfa",
}  # fmt: skip
# What tags are read with, where they do not come with the state.
READS = {
    "cloudtrail:ListTags", "iam:ListUserTags", "kms:ListResourceTags", "s3:GetBucketTagging",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots", "rds:DescribeDBSnapshots", "rds:DescribeDBClusterSnapshots",
}  # fmt: skip
TAGGABLE = [
    one
    for scenario in SCENARIOS
    for one in (scenario, *scenario.also)
    if registry.get(scenario.guardrail).tags is not None
]
Tag = Callable[[Any, str], object]


def _entity(iam: Any, resource: str) -> None:
    kind, _, name = resource.rpartition("/")
    if kind == "role":
        iam.tag_role(RoleName=name, Tags=PAIRS)
    elif kind != "group":
        iam.tag_user(UserName=name, Tags=PAIRS)


def _rds(rds: Any, resource: str) -> None:
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:{resource if ':' in resource else 'db:' + resource}"
    rds.add_tags_to_resource(ResourceName=arn, Tags=PAIRS)


TAG: dict[str, Tag] = {
    "cloudtrail": lambda client, trail: client.add_tags(ResourceId=trail, TagsList=PAIRS),
    "ec2": lambda client, resource: client.create_tags(Resources=[resource], Tags=PAIRS),
    "iam": _entity,
    "kms": lambda client, key: client.tag_resource(
        KeyId=key, Tags=[{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]
    ),
    "rds": _rds,
    "s3": lambda client, bucket: client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": PAIRS}),
}


def tagged(account: TestAccount, scenario: Scenario, resource: str) -> dict[str, str]:
    """Tag a scenario's resource; returns the tags that it has then."""
    service = registry.get(scenario.guardrail).service
    TAG[service](account.client(service), resource)
    return {} if resource.startswith("group/") else TAGS


def named(one: Scenario) -> str:
    return f"{one.guardrail}-{one.build.__name__}"


def of(account: TestAccount, guardrail: str, resource: str) -> Any:
    """The tags that a guardrail reads."""
    rail = registry.get(guardrail)
    aws = account.aws(f"guard_{rail.service}")
    assert rail.read is not None
    assert rail.tags is not None
    return dict(rail.tags(aws, resource, rail.read(aws, resource)))


def test_whatever_can_have_tags_tells_them() -> None:
    assert {rail.name for rail in registry.load() if rail.tags is None} == UNTAGGED


@pytest.mark.parametrize("scenario", TAGGABLE, ids=named)
def test_they_are_those_of_the_resource(account: TestAccount, scenario: Scenario) -> None:
    resource = scenario.build(account)
    assert "ManagedBy" not in of(account, scenario.guardrail, resource), "none, or what AWS and moto give by themselves"
    wanted = tagged(account, scenario, resource)
    account.wire.reset()
    assert of(account, scenario.guardrail, resource) == wanted
    reads = [made.name for made in account.wire.calls]
    assert len(reads) <= len(set(reads)), "each read once"
    assert sum(name in READS for name in reads) <= 1, "one call at the most"


@pytest.mark.parametrize("scenario", TAGGABLE, ids=named)
def test_a_finding_says_where_to_mend_it(account: TestAccount, scenario: Scenario) -> None:
    account.enforce()
    resource = scenario.build(account)
    wanted = tagged(account, scenario, resource)
    event = scenario.breach(account, resource)
    account.wire.reset()
    [finding] = account.deliver(event)
    assert (finding.status, finding.source) == ("fixed", SOURCE if wanted else "")
    assert dict(account.notices()[-1].facts).get("Mend in") == (SOURCE if wanted else None)


@pytest.mark.parametrize("scenario", TAGGABLE, ids=named)
@pytest.mark.parametrize("fault", ["deny", "timeout before"])
def test_what_cannot_be_read_keeps_nothing_from_being_fixed(
    account: TestAccount, scenario: Scenario, fault: Fault
) -> None:
    account.enforce()
    resource = scenario.build(account)
    event = scenario.breach(account, resource)
    seen: list[str] = []

    def on_tags(_: int, made: Made) -> Fault | None:
        if made.name in READS:
            seen.append(made.name)
            return fault
        return None

    account.wire.fail(on_tags)
    [finding] = account.deliver(event)
    assert finding.status == "fixed"
    assert finding.source.startswith(f"not known: {seen[0]} answered " if seen else "")


def test_a_benign_call_reads_no_tags(account: TestAccount) -> None:
    [scenario] = [one for one in SCENARIOS if one.guardrail == "s3_bucket_unblocked"]
    account.enforce()
    resource = scenario.build(account)
    event = scenario.breach(account, resource)
    account.deliver(event)
    account.wire.reset()
    account.deliver({**event, "detail": {**event["detail"], "eventID": "00000000-0000-4000-8000-00000000000b"}})
    assert "s3:GetBucketTagging" not in [made.name for made in account.wire.calls]


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ([], {}),
        ([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}], {"a": "1", "b": ""}),
        ([{"TagKey": "a", "TagValue": "1"}], {"a": "1"}),
        # EC2 and CloudTrail leave the value out where it is empty.
        ([{"Key": "a"}], {"a": ""}),
    ],
)
def test_lists_as_aws_tells_them(listed: list[dict[str, str]], wanted: dict[str, str]) -> None:
    assert tags.told(listed) == wanted


def test_what_is_gone_has_none() -> None:
    assert tags.within([]) == {}
    assert tags.within([{"SnapshotId": "snap-1"}]) == {}


def test_a_bucket_that_is_gone_is_an_error(account: TestAccount) -> None:
    with pytest.raises(AwsError, match="NoSuchBucket"):
        tags.of_bucket(account.aws("guard_s3"), "no-such-bucket-0a1b", None)


def test_who_brings_what_a_sweep_had_found_brings_a_tool_too(account: TestAccount) -> None:
    [scenario] = [one for one in SCENARIOS if one.guardrail == "s3_bucket_unblocked"]
    account.mode("s3_bucket_unblocked", sweep="observe")
    event = scenario.breach(account, scenario.build(account))
    [found] = account.sweep("s3_bucket_unblocked")
    agent = "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io)"
    [finding] = account.deliver({**event, "detail": {**event["detail"], "userAgent": agent}})
    assert (found.source, finding.source) == ("", "Terraform: mend its configuration")
