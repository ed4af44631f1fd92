"""Who changed the resource shortly before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.enrich import changes
from chalicelib.enrich.gather import Found
from chalicelib.ledger.book import Book
from chalicelib.model import AwsError
from chalicelib.settings import role_name
from tests.enrich.fakes import ARN, NOW, SINCE, FakeAws, denied, signal
from tests.ledger.shelf import NAME, Shelf, change
from tests.samples import ACCOUNT

LOOKUP = "cloudtrail:lookup_events"
ALICE = {"type": "IAMUser", "userName": "alice", "arn": f"arn:aws:iam::{ACCOUNT}:user/alice"}


def role(name: str) -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
    return {
        "type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session",
        "sessionContext": {"sessionIssuer": issuer},
    }  # fmt: skip


def record(name: str, before: float = 720, identity: Mapping[str, Any] = ALICE, **more: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp(SINCE - before, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {
        "eventName": name, "eventSource": "lambda.amazonaws.com", "userIdentity": identity, "eventTime": at,
        "eventID": f"{name}-{before}", "sourceIPAddress": "198.51.100.7", "readOnly": False, **more,
    }  # fmt: skip
    return {"EventId": f"{name}-{before}", "CloudTrailEvent": json.dumps(detail)}


def look(*records: Mapping[str, Any]) -> tuple[str, ...]:
    return changes.look(FakeAws({LOOKUP: {"Events": list(records)}}), signal(), NOW, "prod").lines


def test_tells_what_was_changed_by_whom_and_from_where_the_latest_first() -> None:
    assert look(record("UpdateFunctionCode"), record("PutRolePolicy", before=-60)) == (
        "Changed 60 s after it began (11:01:00 UTC): PutRolePolicy by alice from 198.51.100.7",
        "Changed 12 min before (10:48:00 UTC): UpdateFunctionCode by alice from 198.51.100.7",
    )


def test_ours_reads_failures_and_rubbish_are_left_out() -> None:
    assert look(
        record("UpdateAlias", identity=role("parapet-prod-guard-lambda")),
        record("UpdateAlias", identity=role("parapet-prod-member-lambda")),
        record("UpdateAlias", identity=role("parapet-prod-api-handler")),
        record("GetFunction", readOnly=True),
        record("CreateLogStream"),
        record("DeleteFunction", errorCode="AccessDenied"),
        {"EventId": "x", "CloudTrailEvent": "no json"},
        {"EventId": "y"},
        record("DeployedElsewhere", before=60, identity=role("parapet-other-guard-lambda")),
    ) == (
        "Changed 60 s before (10:59:00 UTC): DeployedElsewhere by session as parapet-other-guard-lambda "
        "from 198.51.100.7",
    )


@pytest.mark.parametrize("name", ["parapet-prod-eu-guard-lambda", "parapet-prod-ci", "parapet-prod-guard-nothing"])
def test_what_only_begins_like_one_of_ours_is_none(name: str) -> None:
    [line] = look(record("UpdateAlias", before=60, identity=role(name)))
    assert f"UpdateAlias by session as {name}" in line


def test_every_function_of_ours_is_known() -> None:
    given = json.loads((Path(__file__).parents[2] / ".chalice" / "config.json").read_text("utf-8"))
    roles = {role_name("prod", one) for one in given["lambda_functions"]}
    assert len(roles) > 20
    assert roles <= changes._roles("prod")


def test_the_same_event_under_two_names_is_one() -> None:
    aws = FakeAws({LOOKUP: {"Events": [record("UpdateFunctionCode")]}})
    found = changes.look(aws, signal(resource=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:pay"), NOW, "prod")
    assert len(found.lines) == 1
    assert [one["LookupAttributes"][0]["AttributeValue"] for one in aws.made(LOOKUP)] == ["pay", "checkout"]
    assert aws.made(LOOKUP)[0]["StartTime"] == SINCE - 1800


def test_many_changes_are_counted() -> None:
    found = look(*(record("UpdateFunctionCode", before=number * 10) for number in range(8)))
    assert len(found) == 6
    assert found[5] == "3 more changes."


def test_no_change_is_said() -> None:
    assert look() == ("No change of checkout in the 30 min before, as far as CloudTrail knows.",)


@pytest.mark.parametrize(
    ("dimensions", "resource", "names"),
    [
        ({"FunctionName": "checkout", "Resource": "checkout:live"}, ARN, ("checkout",)),
        ({"ClusterName": "prod", "ServiceName": "shop"}, ARN, ("shop", "prod")),
        ({"LoadBalancer": "app/front/0123", "TargetGroup": "targetgroup/blue/4567"}, ARN, ("front", "blue")),
        ({}, "arn:aws:rds:eu-west-1:123456789012:db:orders", ("orders",)),
        ({"InstanceId": "i-1"}, "i-1", ("i-1",)),
        ({}, "", ()),
    ],
)
def test_the_names_that_cloudtrail_may_know_it_by(
    dimensions: dict[str, str], resource: str, names: tuple[str, ...]
) -> None:
    assert changes.names(signal(metrics=(), dimensions=dimensions, resource=resource)) == names


def test_without_a_name_nobody_is_asked() -> None:
    assert changes.look(FakeAws(), signal(metrics=(), dimensions={}, resource=""), NOW, "prod") == Found()


def test_the_ledger_is_asked_first_once_it_reaches_back_so_far() -> None:
    book = Book(Shelf(), NAME)
    book.begin(SINCE - 1700)
    book.write(
        [
            change("e-1", SINCE - 720, action="UpdateAlias", resources=("checkout",)),
            change(
                "e-2", SINCE - 60, action="ECS deployment failed", resources=("checkout",), actor="", role="", ip=""
            ),
            change("e-3", SINCE - 60, resources=("checkout",), error="AccessDenied"),
            change("e-4", SINCE - 60, resources=("other",)),
        ]
    )
    aws = FakeAws({LOOKUP: {"Events": []}})
    assert "CloudTrail knows" in changes.look(aws, signal(), NOW, "prod", book).lines[0]
    older = Book(Shelf(), NAME)
    older.begin(SINCE - 3600)
    assert "the change ledger knows" in changes.look(FakeAws(), signal(), NOW, "prod", older).lines[0]
    older.write(book.between(SINCE - 1800, SINCE).changes)
    assert changes.look(FakeAws(), signal(), NOW, "prod", older).lines == (
        "Changed 60 s before (10:59:00 UTC): ECS deployment failed",
        "Changed 12 min before (10:48:00 UTC): UpdateAlias by alice from 198.51.100.7",
    )


def test_a_denied_call_is_the_sections_error() -> None:
    with pytest.raises(AwsError, match="LookupEvents"):
        changes.look(FakeAws({LOOKUP: denied("cloudtrail:LookupEvents")}), signal(), NOW, "prod")
