from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount
from tests.alarmed import Alarmed
from tests.guardrails.test_ecs_service_saturated import build, dimensions, service

NAME = "ecs_service_stuck"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def deploy(account: TestAccount, _name: str) -> None:
    account.client("ecs").update_service(cluster="shop", service="web", forceNewDeployment=True)


def deployment(account: TestAccount, _name: str) -> Any:
    return service(account)["deployments"][0]["id"]


ALARMED = Alarmed(NAME, build, lambda _account, _name: None, deploy, deployment, dimensions)


def found(*deployments: dict[str, str], **changes: Any) -> list[Any]:
    state = {
        "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "status": "ACTIVE",
        "deploymentController": {"type": "ECS"}, "deployments": list(deployments), **changes,
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, FIRED, {}))


DONE = {"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "COMPLETED"}


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(found({**DONE, "rolloutState": "IN_PROGRESS"}), id="deploying"),
        pytest.param(found(DONE, {"id": "ecs-svc/0", "status": "ACTIVE"}), id="replacing tasks"),
        pytest.param(found(DONE, deploymentController={"type": "CODE_DEPLOY"}), id="CodeDeploy's"),
        pytest.param(found(DONE, status="INACTIVE"), id="deleted"),
        pytest.param(found(), id="never deployed"),
    ],
)
def test_leaves_alone(innocent: list[Any]) -> None:
    assert innocent == []


def test_remedies_the_deployment_that_stands() -> None:
    [remedy] = found(DONE)
    assert (remedy.part, remedy.before) == ("deployment", {"deployment": "ecs-svc/1"})
    assert [c.params for c in remedy.fix] == [{"cluster": "shop", "service": "web", "forceNewDeployment": True}]
