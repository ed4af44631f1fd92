"""A snapshot of a database or of a database cluster must not be public.

Why: any AWS account can copy a public snapshot and read the whole database from the copy, without leaving a trace.
Fix: withdraws the permission of everybody (`all`); accounts that the snapshot is shared with by number keep theirs.
Undo: gives everybody the permission again.
Mode: nobody in the account needs the permission to use the snapshot, and what others have copied stays theirs, so
that it is withdrawn however long it has stood.
Controls: FSBP RDS.1, DocumentDB.3, Neptune.3
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

# A subject is what an ARN says: `snapshot:orders`, `cluster-snapshot:orders`.
KINDS = {"snapshot": ("db_snapshot", "DBSnapshot"), "cluster-snapshot": ("db_cluster_snapshot", "DBClusterSnapshot")}

Snapshot = Mapping[str, Any]


def read(aws: Aws, subject: str) -> Snapshot:
    """Return whom the snapshot is shared with, and its name as AWS has it; raises AwsError."""
    kind, _, name = subject.partition(":")
    operation, word = KINDS[kind]
    answer = aws("rds", f"describe_{operation}_attributes", **{f"{word}Identifier": name})
    found = answer[f"{word}AttributesResult"]
    restore = [one for one in found[f"{word}Attributes"] if one["AttributeName"] == "restore"]
    shared = [account for one in restore for account in one["AttributeValues"]]
    return {"kind": kind, "name": found[f"{word}Identifier"], "shared": shared}


def subjects(aws: Aws) -> Iterable[str]:
    """Return every manual snapshot of the region: others cannot be shared."""
    return [
        f"{kind}:{snapshot[f'{word}Identifier']}"
        for kind, (operation, word) in KINDS.items()
        for snapshot in aws.all("rds", f"describe_{operation}s", f"{word}s", SnapshotType="manual")
    ]


def tags_of(aws: Aws, _subject: str, snapshot: Snapshot) -> Mapping[str, str]:
    """Return the snapshot's tags; raises AwsError."""
    operation, word = KINDS[snapshot["kind"]]
    answer = aws("rds", f"describe_{operation}s", **{f"{word}Identifier": snapshot["name"]})
    return tags.within(answer[f"{word}s"], "TagList")


@guardrail(
    severity="critical",
    default="enforce",
    on={
        api_call("rds:ModifyDBSnapshotAttribute"): "snapshot:{requestParameters.dBSnapshotIdentifier}",
        api_call("rds:ModifyDBClusterSnapshotAttribute"):
            "cluster-snapshot:{requestParameters.dBClusterSnapshotIdentifier}",
    },
    needs={
        "rds:DescribeDBSnapshots", "rds:DescribeDBSnapshotAttributes", "rds:ModifyDBSnapshotAttribute",
        "rds:DescribeDBClusterSnapshots", "rds:DescribeDBClusterSnapshotAttributes",
        "rds:ModifyDBClusterSnapshotAttribute",
    },
    read=read,
    subjects=subjects,
    resource=lambda snapshot: f"{snapshot['kind']}:{snapshot['name']}",
    current=lambda snapshot, part: part in snapshot["shared"],
    tags=tags_of,
    # AWS says DBSnapshotNotFound where moto says DBSnapshotNotFoundFault.
    gone={"DBSnapshotNotFound", "DBSnapshotNotFoundFault", "DBClusterSnapshotNotFoundFault"},
)  # fmt: skip
def check(snapshot: Snapshot, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy for a snapshot that is shared with everybody."""
    if "all" in snapshot["shared"]:
        operation, word = KINDS[snapshot["kind"]]
        named = {f"{word}Identifier": snapshot["name"], "AttributeName": "restore"}
        yield Remedy(
            why=f"any AWS account can restore {snapshot['kind']} {snapshot['name']}",
            part="all",
            fix=(call("rds", f"modify_{operation}_attribute", **named, ValuesToRemove=["all"]),),
            undo=(call("rds", f"modify_{operation}_attribute", **named, ValuesToAdd=["all"]),),
            before=True,
            after=False,
            brought=event is None or "all" in (event.request.get("valuesToAdd") or ()),
        )
