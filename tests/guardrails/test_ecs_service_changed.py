from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from local import ailing
from tests.account import TestAccount
from tests.guardrails.test_ecs_service_failing import runs, web
from tests.guardrails.test_ecs_service_saturated import build as service
from tests.guardrails.test_ecs_service_saturated import definition
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ecs_service_changed"
ARN = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web"


def build(account: TestAccount) -> str:
    ailing.plug_in()
    return service(account)


def asked(now: str, *before: str, **request: Any) -> dict[str, Any]:
    """A deployment's record, as it is handled when somebody wants it taken back."""
    deployments = [
        {"status": "PRIMARY", "taskDefinition": now},
        *({"status": "ACTIVE", "taskDefinition": one} for one in before),
    ]
    given = {"cluster": "shop", "service": "web", "taskDefinition": now, **request}
    return cloudtrail(
        "ecs:UpdateService", {name: value for name, value in given.items() if value is not None},
        {"service": {"serviceArn": ARN, "deployments": deployments}}, detail_type=registry.REVERT,
    )  # fmt: skip


def deploy(account: TestAccount, name: str) -> dict[str, Any]:
    before, now = runs(account, name), definition(account)
    account.client("ecs").update_service(cluster="shop", service="web", taskDefinition=now)
    return asked(now, before)


SCENARIO = Scenario(NAME, build, deploy, runs)


def found(event: dict[str, Any], **changes: Any) -> list[Any]:
    state = {
        "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "status": "ACTIVE",
        "taskDefinition": web(7), **changes,
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, parse(event), {}))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"taskDefinition": web(8)}, id="deployed anew since"),
        pytest.param({"taskDefinition": web(6)}, id="back already"),
        pytest.param({"status": "DRAINING"}, id="being deleted"),
        pytest.param({"deploymentController": {"type": "CODE_DEPLOY"}}, id="CodeDeploy's"),
    ],
)
def test_leaves_alone(changes: dict[str, Any]) -> None:
    assert found(asked(web(7), web(6)), **changes) == []


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({"status": "ACTIVE"}, None, {})) == []


def test_remedies_by_what_ran_before() -> None:
    [remedy] = found(asked(web(7), web(6), desiredCount=4))
    assert remedy.why == "alice deployed web:7 to service web, where web:6 ran, to be taken back"
    assert (remedy.before, remedy.after) == ({"taskDefinition": web(7)}, {"taskDefinition": web(6)})
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"cluster": "shop", "service": "web", "taskDefinition": web(6)}
    assert undo.params == {"cluster": "shop", "service": "web", "taskDefinition": web(7)}


@pytest.mark.parametrize(
    ("given", "stays"), [({}, ""), ({"desiredCount": 0}, ", and leave the desired count as it set it")]
)
def test_says_that_a_count_stays(given: dict[str, Any], stays: str) -> None:
    assert reverts.back(parse(asked(web(7), web(6), **given))) == f"deploy web:6 again{stays}"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (asked(web(7), web(6), taskDefinition=None), "deployed no task definition"),
        (asked(web(7)), "does not tell which task definition ran before"),
        (asked(web(7), web(6), web(5)), "or tells several"),
        (asked(web(7), web(7)), "the same task definition again"),
        (cloudtrail("ecs:UpdateService", {"taskDefinition": "web:7"}, None), "does not tell"),
    ],
)
def test_tells_what_is_not_certain(event: dict[str, Any], why: str) -> None:
    assert why in reverts.sorry(parse(event))
