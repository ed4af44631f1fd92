from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount, canonical
from tests.recorded import recorded
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "rds_snapshot_public"
SAMPLE = recorded(NAME)
PARTNER = "210987654321"
SNAPSHOT, CLUSTER = "orders-2026", "shop-2026"
OWNER: dict[str, Any] = {"MasterUsername": "owner", "MasterUserPassword": "not-a-secret"}


def build(account: TestAccount) -> str:
    rds = account.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="orders", DBInstanceClass="db.t4g.micro", Engine="postgres", **OWNER)
    rds.create_db_snapshot(DBSnapshotIdentifier=SNAPSHOT, DBInstanceIdentifier="orders")
    share(account, PARTNER)
    rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", **OWNER)
    rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier=CLUSTER, DBClusterIdentifier="shop")
    return f"snapshot:{SNAPSHOT}"


def share(account: TestAccount, whom: str) -> None:
    account.client("rds").modify_db_snapshot_attribute(
        DBSnapshotIdentifier=SNAPSHOT, AttributeName="restore", ValuesToAdd=[whom]
    )


def breach(account: TestAccount, _resource: str) -> dict[str, Any]:
    share(account, "all")
    return recorded(NAME)


def build_cluster(account: TestAccount) -> str:
    build(account)
    return f"cluster-snapshot:{CLUSTER}"


def breach_cluster(account: TestAccount, _resource: str) -> dict[str, Any]:
    account.client("rds").modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=CLUSTER, AttributeName="restore", ValuesToAdd=["all"]
    )
    request = {"dBClusterSnapshotIdentifier": CLUSTER, "attributeName": "restore", "valuesToAdd": ["all"]}
    return cloudtrail("rds:ModifyDBClusterSnapshotAttribute", request)


def state(account: TestAccount, _resource: str) -> Any:
    rds = account.client("rds")
    one = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier=SNAPSHOT)
    other = rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=CLUSTER)
    return canonical([one["DBSnapshotAttributesResult"], other["DBClusterSnapshotAttributesResult"]])


SCENARIO = Scenario(NAME, build, breach, state, also=(Scenario(NAME, build_cluster, breach_cluster, state),))


def found(*shared: str, kind: str = "snapshot", event: dict[str, Any] | None = None) -> list[Any]:
    state = {"kind": kind, "name": SNAPSHOT, "shared": list(shared)}
    return list(registry.get(NAME).remedies(state, parse(event) if event else None, {}))


def test_leaves_alone() -> None:
    assert found() == []
    assert found(PARTNER) == []


@pytest.mark.parametrize(
    ("kind", "operation", "identifier"),
    [
        ("snapshot", "modify_db_snapshot_attribute", "DBSnapshotIdentifier"),
        ("cluster-snapshot", "modify_db_cluster_snapshot_attribute", "DBClusterSnapshotIdentifier"),
    ],
)
def test_remedies_only_what_everybody_may(kind: str, operation: str, identifier: str) -> None:
    [remedy] = found(PARTNER, "all", kind=kind)
    [fix], [undo] = remedy.fix, remedy.undo
    same = {identifier: SNAPSHOT, "AttributeName": "restore"}
    assert (fix.operation, fix.params) == (operation, {**same, "ValuesToRemove": ["all"]})
    assert (undo.operation, undo.params) == (operation, {**same, "ValuesToAdd": ["all"]})


@pytest.mark.parametrize(
    ("values", "brought"),
    [
        ({"valuesToAdd": ["all"]}, True),
        ({"valuesToAdd": [PARTNER]}, False),
        ({"valuesToRemove": [PARTNER]}, False),
        ({"valuesToAdd": None}, False),
    ],
)
def test_knows_who_brought_it(values: dict[str, Any], brought: bool) -> None:
    request = {"dBSnapshotIdentifier": SNAPSHOT, "attributeName": "restore", **values}
    [remedy] = found("all", event=cloudtrail("rds:ModifyDBSnapshotAttribute", request))
    assert remedy.brought is brought


def test_a_snapshot_of_a_cluster(account: TestAccount) -> None:
    innocent = state(account, build(account))
    event = breach_cluster(account, "")
    public = state(account, "")
    [finding] = account.deliver(event)
    assert (finding.status, finding.violation.resource) == ("fixed", f"cluster-snapshot:{CLUSTER}")
    assert state(account, "") == innocent
    assert account.undo(finding).answer == "undone"
    assert state(account, "") == public


def test_what_is_gone_is_no_finding(account: TestAccount) -> None:
    assert account.deliver(SAMPLE) == []
    cluster = {"dBClusterSnapshotIdentifier": CLUSTER, "attributeName": "restore", "valuesToAdd": ["all"]}
    assert account.deliver(cloudtrail("rds:ModifyDBClusterSnapshotAttribute", cluster)) == []
