from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount
from tests.alarmed import Alarmed
from tests.guardrails.test_ecs_service_saturated import build, definition, dimensions, service

NAME = "ecs_service_failing"
AT = 1_795_000_000.0
FIRED = Firing("checkout-failing", AT, {})


def deploy(account: TestAccount, _name: str) -> None:
    account.client("ecs").update_service(cluster="shop", service="web", taskDefinition=definition(account))


def runs(account: TestAccount, _name: str) -> Any:
    return service(account)["taskDefinition"]


ALARMED = Alarmed(NAME, build, deploy, deploy, runs, dimensions)


def past(number: int, minutes: float = 0.0, status: str = "SUCCESSFUL") -> dict[str, Any]:
    return {"at": AT - minutes * 60, "status": status, "taskDefinition": web(number)}


def web(number: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}"


def found(*history: dict[str, Any], **changes: Any) -> list[Any]:
    state = {
        "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "status": "ACTIVE",
        "taskDefinition": web(7), "history": list(history), **changes,
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, FIRED, {"within": 60}))


@pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED"])
def test_leaves_alone_what_ecs_takes_back_itself(status: str) -> None:
    assert found(past(7, 5, status), past(6, 500)) == []


def test_leaves_alone_what_is_being_deleted() -> None:
    assert found(past(7, 5), past(6, 500), status="DRAINING") == []


@pytest.mark.parametrize("status", ["SUCCESSFUL", "IN_PROGRESS", "STOPPED", "ROLLBACK_FAILED"])
def test_remedies_by_the_last_that_was_steady(status: str) -> None:
    [remedy] = found(past(7, 12, status), past(6, 30, "STOPPED"), past(5, 500), past(4, 900))
    assert (remedy.before, remedy.after) == ({"taskDefinition": web(7)}, {"taskDefinition": web(5)})
    assert "deployed 12 minutes before it; web:5 was steady" in remedy.why
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"cluster": "shop", "service": "web", "taskDefinition": web(5)}
    assert undo.params == {"cluster": "shop", "service": "web", "taskDefinition": web(7)}


@pytest.mark.parametrize(
    ("history", "changes", "told"),
    [
        ([], {}, "nothing was deployed within 60 minutes"),
        ([past(7, 61), past(6, 500)], {}, "nothing was deployed within 60 minutes"),
        ([past(7, 5)], {}, "no steady deployment before"),
        ([past(7, 5), past(6, 20, "STOPPED")], {}, "no steady deployment before"),
        ([past(7, 5), past(7, 20), past(6, 500)], {}, "changed no task definition"),
        ([past(7, 5, "ROLLBACK_SUCCESSFUL"), past(6, 20)], {}, "rolled its latest deployment back by itself"),
        ([past(7, 5), past(6, 20)], {"deploymentController": {"type": "CODE_DEPLOY"}}, "not deployed by ECS itself"),
    ],
)
def test_tells_only_where_it_would_be_a_guess(history: list[Any], changes: dict[str, Any], told: str) -> None:
    [remedy] = found(*history, **changes)
    assert remedy.fix == ()
    assert told in remedy.why
