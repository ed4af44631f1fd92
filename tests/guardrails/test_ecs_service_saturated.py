from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount
from tests.alarmed import Alarmed, bind, put, ring, wake

NAME = "ecs_service_saturated"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def definition(account: TestAccount) -> str:
    made = account.client("ecs").register_task_definition(
        family="web", containerDefinitions=[{"name": "web", "image": "web:latest", "memory": 128}]
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def build(account: TestAccount) -> str:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    ecs.create_service(cluster="shop", serviceName="web", taskDefinition=definition(account), desiredCount=2)
    return "shop/web"


def limited(account: TestAccount, name: str) -> None:
    account.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ResourceId=f"service/{name}", ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1, MaxCapacity=4,
    )  # fmt: skip


def service(account: TestAccount) -> Any:
    return account.client("ecs").describe_services(cluster="shop", services=["web"])["services"][0]


def wanted(account: TestAccount, _name: str) -> Any:
    return service(account)["desiredCount"]


def grow(account: TestAccount, _name: str) -> None:
    account.client("ecs").update_service(cluster="shop", service="web", desiredCount=4)


def dimensions(name: str) -> dict[str, str]:
    cluster, own = name.split("/")
    return {"ClusterName": cluster, "ServiceName": own}


ALARMED = Alarmed(NAME, build, limited, grow, wanted, dimensions)


def found(most: int | None = 4, option: int = 0, **changes: Any) -> list[Any]:
    state = {
        "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "status": "ACTIVE",
        "desiredCount": 2, "runningCount": 2, "deployments": [{"status": "PRIMARY"}], "most": most, **changes,
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, FIRED, {"step": 1, "most": option}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"runningCount": 1}, id="starting tasks"),
        pytest.param({"deployments": [{"status": "PRIMARY"}, {"status": "ACTIVE"}]}, id="deploying"),
        pytest.param({"schedulingStrategy": "DAEMON"}, id="one task on each host"),
        pytest.param({"status": "DRAINING"}, id="being deleted"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(**innocent) == []


@pytest.mark.parametrize(("most", "option"), [(4, 0), (4, 2), (None, 3)])
def test_remedies_within_the_bounds_and_the_scalable_target_counts_first(most: int | None, option: int) -> None:
    [remedy] = found(most, option)
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"cluster": "shop", "service": "web", "desiredCount": 3}
    assert undo.params == {"cluster": "shop", "service": "web", "desiredCount": 2}


@pytest.mark.parametrize(
    ("most", "option", "told"), [(2, 9, "2 is its maximum"), (None, 2, "2 is its maximum"), (None, 0, "set `most`")]
)
def test_tells_only_where_there_is_no_room(most: int | None, option: int, told: str) -> None:
    [remedy] = found(most, option)
    assert remedy.fix == ()
    assert told in remedy.why


def test_what_is_not_there_is_no_finding(account: TestAccount) -> None:
    build(account)
    bind(account, NAME)
    put(account, dimensions("shop/other"))
    ring(account)
    assert wake(account, NAME, "shop/other") == []
