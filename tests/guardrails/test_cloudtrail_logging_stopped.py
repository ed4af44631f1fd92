from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION, cloudtrail
from tests.scenario import Scenario

NAME = "cloudtrail_logging_stopped"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"
OTHER_REGION = "us-east-1"


def build(account: TestAccount) -> str:
    return trail(account, REGION)


def trail(account: TestAccount, region: str) -> str:
    account.client("s3", "us-east-1").create_bucket(Bucket="audit-logs")
    home = account.client("cloudtrail", region)
    arn = str(home.create_trail(Name="audit", S3BucketName="audit-logs", IsMultiRegionTrail=True)["TrailARN"])
    home.start_logging(Name="audit")
    return arn


def breach(account: TestAccount, arn: str) -> dict[str, Any]:
    account.client("cloudtrail").stop_logging(Name=arn)
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8"))
    return event


def state(account: TestAccount, arn: str) -> Any:
    return account.client("cloudtrail").get_trail_status(Name=arn)["IsLogging"]


SCENARIO = Scenario(NAME, build, breach, state)

ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"TrailARN": ARN, "IsLogging": True, "home": True}, id="it records"),
        pytest.param({"TrailARN": ARN, "IsLogging": False, "home": False}, id="it is at home elsewhere"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert registry.get(NAME).remedies(innocent, None, {}) == ()


def test_remedies_that_trail_alone() -> None:
    [remedy] = registry.get(NAME).remedies({"TrailARN": ARN, "IsLogging": False, "home": True}, None, {})
    assert [(c.operation, c.params) for c in remedy.fix] == [("start_logging", {"Name": ARN})]
    assert [(c.operation, c.params) for c in remedy.undo] == [("stop_logging", {"Name": ARN})]


def test_a_name_and_an_arn_are_one_trail(account: TestAccount) -> None:
    account.mode(NAME, event="observe", sweep="observe")
    arn = build(account)
    by_name = breach(account, arn)
    by_arn = cloudtrail("cloudtrail:StopLogging", {"name": arn})
    assert by_name["detail"]["requestParameters"] == {"name": "audit"}
    account.deliver(by_name)
    [finding] = account.deliver(by_arn)
    assert (finding.violation.resource, finding.status) == (arn, "observed")


def test_the_copy_of_a_trail_in_another_region_is_left_to_its_home(account: TestAccount) -> None:
    account.enforce()
    arn = trail(account, OTHER_REGION)
    account.client("cloudtrail", OTHER_REGION).stop_logging(Name="audit")
    assert account.client("cloudtrail").get_trail_status(Name=arn)["IsLogging"] is False
    subjects = registry.get(NAME).subjects
    assert subjects is not None
    assert list(subjects(account.aws("guard_cloudtrail"))) == []
    assert account.sweep(NAME) == []
    account.pipeline("cloudtrail").sweep(NAME, ACCOUNT, (OTHER_REGION,), account.request())
    [finding] = account.findings()
    assert (finding.violation.resource, finding.violation.region, finding.status) == (arn, OTHER_REGION, "fixed")


@pytest.mark.parametrize(
    "arn",
    [f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit", f"arn:aws:cloudtrail:{REGION}:210987654321:trail/org"],
)
def test_what_is_at_home_in_another_region_or_account_is_read_as_such(arn: str) -> None:
    class Answers:
        account, region = ACCOUNT, REGION

        def __call__(self, _service: str, operation: str, **_params: Any) -> dict[str, Any]:
            return {"Trail": {"TrailARN": arn}} if operation == "get_trail" else {"IsLogging": False}

    read = registry.get(NAME).read
    assert read is not None
    assert read(Answers(), "audit") == {"TrailARN": arn, "IsLogging": False, "home": False}  # type: ignore[arg-type]


def test_a_trail_that_is_gone(account: TestAccount) -> None:
    arn = build(account)
    event = breach(account, arn)
    account.client("cloudtrail").delete_trail(Name="audit")
    assert account.deliver(event) == []
