from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse, subjects
from tests.account import TestAccount, canonical
from tests.recorded import recorded
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "rds_instance_public"
SAMPLE = recorded(NAME)


def build(account: TestAccount) -> str:
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="owner",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        PubliclyAccessible=False,
    )
    return "orders"


def breach(account: TestAccount, name: str) -> dict[str, Any]:
    account.client("rds").modify_db_instance(DBInstanceIdentifier=name, PubliclyAccessible=True)
    return recorded(NAME)


def state(account: TestAccount, name: str) -> Any:
    [found] = account.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    # moto takes this from the clock.
    del found["LatestRestorableTime"]
    return canonical(found)


SCENARIO = Scenario(NAME, build, breach, state)


def instance(**changes: Any) -> dict[str, Any]:
    """An instance as DescribeDBInstances has it."""
    return {
        "DBInstanceIdentifier": "orders",
        "DBInstanceStatus": "available",
        "Engine": "postgres",
        "PubliclyAccessible": True,
        **changes,
    }


def found(state: dict[str, Any], event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies(state, parse(event) if event else None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(instance(PubliclyAccessible=False), id="a private one"),
        pytest.param(instance(DBInstanceStatus="deleting"), id="one that is being deleted"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize(
    "guilty",
    [instance(), instance(DBInstanceStatus="creating"), instance(Engine="aurora-mysql", DBClusterIdentifier="shop")],
)
def test_remedies_without_applying_what_waits_for_the_maintenance_window(guilty: dict[str, Any]) -> None:
    [remedy] = found({**guilty, "PendingModifiedValues": {"EngineVersion": "18.0"}})
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"DBInstanceIdentifier": "orders", "PubliclyAccessible": False}
    assert undo.params == {"DBInstanceIdentifier": "orders", "PubliclyAccessible": True}


@pytest.mark.parametrize(
    ("name", "request_", "response", "brought"),
    [
        ("ModifyDBInstance", {"publiclyAccessible": True}, {}, True),
        ("ModifyDBInstance", {"backupRetentionPeriod": 7}, {"publiclyAccessible": True}, False),
        ("ModifyDBInstance", {"publiclyAccessible": False}, {"publiclyAccessible": True}, False),
        ("CreateDBInstance", {"publiclyAccessible": True}, {}, True),
        ("CreateDBInstance", {}, {"publiclyAccessible": True}, True),
        ("CreateDBInstance", {"publiclyAccessible": False}, {"publiclyAccessible": False}, False),
        ("RestoreDBInstanceFromDBSnapshot", {}, {"publiclyAccessible": False}, False),
        ("CreateDBInstanceReadReplica", {"publiclyAccessible": True}, {}, True),
    ],
)
def test_knows_who_brought_it(name: str, request_: dict[str, Any], response: dict[str, Any], brought: bool) -> None:
    event = cloudtrail(f"rds:{name}", {"dBInstanceIdentifier": "orders", **request_}, response)
    [remedy] = found(instance(), event)
    assert remedy.brought is brought


def test_a_restore_names_its_target() -> None:
    event = parse(
        cloudtrail(
            "rds:RestoreDBInstanceToPointInTime",
            {"sourceDBInstanceIdentifier": "orders", "targetDBInstanceIdentifier": "orders-copy"},
        )
    )
    [(rail, path)] = registry.woken(registry.of("rds"), event)
    assert (rail.name, subjects(event, path)) == (NAME, ("orders-copy",))


def test_the_name_is_the_one_that_aws_stores(account: TestAccount) -> None:
    event = breach(account, build(account))
    request = {"dBInstanceIdentifier": "Orders", "publiclyAccessible": True}
    [finding] = account.deliver({**event, "detail": {**event["detail"], "requestParameters": request}})
    assert (finding.status, finding.violation.resource) == ("fixed", "orders")


def test_what_is_gone_is_no_finding(account: TestAccount) -> None:
    assert account.deliver(SAMPLE) == []
