"""An EBS snapshot must not be restorable by every AWS account.

Why: whoever has any AWS account can make a volume of a public snapshot and read everything that was on the disk;
public snapshots are listed by AWS, and harvested.
Fix: takes the group `all` off the snapshot; accounts that it is shared with by number keep it.
Undo: puts the group `all` back; AWS refuses that where EBS snapshots' block public access is on.
Mode: nobody inside the account needs a snapshot to be public, so that it is fixed whenever it is found.
Controls: FSBP EC2.1
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Snapshot = Mapping[str, Any]


def read(aws: Aws, snapshot: str) -> Snapshot:
    """Return who may make volumes of the snapshot; raises AwsError."""
    return aws("ec2", "describe_snapshot_attribute", SnapshotId=snapshot, Attribute="createVolumePermission")


def subjects(aws: Aws) -> Iterable[str]:
    """Return the region's own snapshots that AWS lists as public."""
    public = aws.all("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], RestorableByUserIds=["all"])
    return [snapshot["SnapshotId"] for snapshot in public]


def tags_of(aws: Aws, snapshot: str, _state: Snapshot) -> Mapping[str, str]:
    """Return the snapshot's tags; raises AwsError."""
    return tags.within(aws("ec2", "describe_snapshots", SnapshotIds=[snapshot])["Snapshots"])


def current(snapshot: Snapshot, _part: str) -> dict[str, bool]:
    """Return whether everyone may make volumes of the snapshot."""
    return {"public": {"Group": "all"} in snapshot.get("CreateVolumePermissions", [])}


def brought(event: Event) -> bool:
    """Whether the event added everyone, rather than an account."""
    added = (event.request.get("createVolumePermission") or {}).get("add") or {}
    return any(item.get("group") == "all" for item in added.get("items") or [])


@guardrail(
    severity="critical",
    default="enforce",
    on={api_call("ec2:ModifySnapshotAttribute"): "requestParameters.snapshotId"},
    needs={"ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots", "ec2:ModifySnapshotAttribute"},
    read=read,
    subjects=subjects,
    current=current,
    tags=tags_of,
    gone={"InvalidSnapshot.NotFound"},
)
def check(snapshot: Snapshot, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy when everyone may make volumes of the snapshot."""
    if current(snapshot, "")["public"]:
        everyone = {
            "SnapshotId": snapshot["SnapshotId"], "Attribute": "createVolumePermission", "GroupNames": ["all"],
        }  # fmt: skip
        yield Remedy(
            why=f"every AWS account can restore {snapshot['SnapshotId']}",
            part="public",
            fix=(call("ec2", "modify_snapshot_attribute", OperationType="remove", **everyone),),
            undo=(call("ec2", "modify_snapshot_attribute", OperationType="add", **everyone),),
            before={"public": True},
            after={"public": False},
            brought=event is None or brought(event),
        )
