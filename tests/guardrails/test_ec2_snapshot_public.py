from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from tests.account import TestAccount, canonical
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ec2_snapshot_public"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"
PARTNER = "210987654321"


def build(account: TestAccount) -> str:
    ec2 = account.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    snapshot = str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
    change(account, snapshot, UserIds=[PARTNER])
    return snapshot


def change(account: TestAccount, snapshot: str, operation: str = "add", **who: list[str]) -> None:
    account.client("ec2").modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType=operation, **who
    )


def breach(account: TestAccount, snapshot: str) -> dict[str, Any]:
    change(account, snapshot, GroupNames=["all"])
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8").replace("snap-0aaaaaaaaaaaaaaaa", snapshot))
    return event


def state(account: TestAccount, snapshot: str) -> Any:
    answer = account.client("ec2").describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    return sorted(canonical(answer["CreateVolumePermissions"]), key=str)


SCENARIO = Scenario(NAME, build, breach, state)


def found(*permissions: dict[str, str]) -> list[Any]:
    snapshot = {"SnapshotId": "snap-1", "CreateVolumePermissions": list(permissions)}
    return list(registry.get(NAME).remedies(snapshot, None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param([], id="shared with nobody"),
        pytest.param([{"UserId": PARTNER}], id="shared with an account"),
    ],
)
def test_leaves_alone(innocent: list[dict[str, str]]) -> None:
    assert found(*innocent) == []


def test_remedies_only_the_public_part() -> None:
    [remedy] = found({"UserId": PARTNER}, {"Group": "all"})
    everyone = {"SnapshotId": "snap-1", "Attribute": "createVolumePermission", "GroupNames": ["all"]}
    assert [c.params for c in remedy.fix] == [{**everyone, "OperationType": "remove"}]
    assert [c.params for c in remedy.undo] == [{**everyone, "OperationType": "add"}]


def test_sharing_with_an_account_is_no_finding_of_this_guardrail(account: TestAccount) -> None:
    snapshot = build(account)
    assert account.deliver(shared(snapshot, "add", {"userId": PARTNER})) == []


@pytest.mark.parametrize(("operation", "who"), [("add", {"userId": PARTNER}), ("remove", {"userId": PARTNER})])
def test_what_the_event_did_not_bring_is_not_blamed_on_its_actor(
    account: TestAccount, operation: str, who: dict[str, str]
) -> None:
    snapshot = build(account)
    breach(account, snapshot)
    [finding] = account.deliver(shared(snapshot, operation, who))
    assert (finding.origin, finding.status, finding.actor) == ("sweep", "fixed", None)
    assert state(account, snapshot) == [{"UserId": PARTNER}]


def shared(snapshot: str, operation: str, who: dict[str, str]) -> dict[str, Any]:
    request = {
        "snapshotId": snapshot,
        "createVolumePermission": {operation: {"items": [who]}},
        "attributeType": "CREATE_VOLUME_PERMISSION",
    }
    return cloudtrail("ec2:ModifySnapshotAttribute", request, {"_return": True})


def test_an_undo_keeps_what_was_shared_since(account: TestAccount) -> None:
    snapshot = build(account)
    [finding] = account.deliver(breach(account, snapshot))
    change(account, snapshot, "remove", UserIds=[PARTNER])
    assert account.undo(finding).answer == "undone"
    assert state(account, snapshot) == [{"Group": "all"}]


def test_a_snapshot_that_is_gone(account: TestAccount) -> None:
    snapshot = build(account)
    event = breach(account, snapshot)
    account.client("ec2").delete_snapshot(SnapshotId=snapshot)
    assert account.deliver(event) == []
