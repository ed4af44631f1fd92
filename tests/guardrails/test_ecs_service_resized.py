from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from tests.account import TestAccount
from tests.guardrails.test_ecs_service_saturated import definition
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ecs_service_resized"
CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"
ARN = "arn:aws:ecs:eu-west-1:123456789012:service/shop/cart"


def build(account: TestAccount) -> str:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    ecs.create_service(cluster="shop", serviceName="cart", taskDefinition=definition(account), desiredCount=2)
    return "shop/cart"


def sized(
    number: Any, name: str = "UpdateService", ran: tuple[str, ...] = (), told: Any = None, **request: Any
) -> dict[str, Any]:
    """The record of a call that set a count, or answered one."""
    given = {"cluster": "shop", "service": "cart", "desiredCount": number, **request}
    deployments = [
        {"status": status, "taskDefinition": one} for one, status in zip(ran, ("PRIMARY", "ACTIVE"), strict=False)
    ]
    answer = {
        "serviceArn": ARN, "serviceName": "cart", "clusterArn": CLUSTER,
        "desiredCount": number if told is None else told, "deployments": deployments,
    }  # fmt: skip
    return cloudtrail(
        f"ecs:{name}", {name: value for name, value in given.items() if value is not None}, {"service": answer},
        detail_type=registry.REVERT,
    )  # fmt: skip


def created(number: int) -> dict[str, Any]:
    return sized(number, "CreateService", service=None, serviceName="cart")


def asked(earlier: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """A resize's record, as it is handled when somebody wants it taken back."""
    return {**now, "detail": {**now["detail"], reverts.EARLIER: earlier}}


def wanted(account: TestAccount, _name: str) -> Any:
    found = account.client("ecs").describe_services(cluster="shop", services=["cart"])["services"]
    return found[0]["desiredCount"]


def set_to(account: TestAccount, number: int) -> None:
    account.client("ecs").update_service(cluster="shop", service="cart", desiredCount=number)


def grow(account: TestAccount, name: str) -> dict[str, Any]:
    before = wanted(account, name)
    set_to(account, before + 3)
    return asked(created(before), sized(before + 3))


def stop(account: TestAccount, name: str) -> dict[str, Any]:
    before = wanted(account, name)
    set_to(account, 0)
    return asked(sized(before), sized(0))


SCENARIO = Scenario(NAME, build, grow, wanted, also=(Scenario(NAME, build, stop, wanted),))


def found(event: dict[str, Any], **changes: Any) -> list[Any]:
    state = {
        "serviceName": "cart", "clusterArn": CLUSTER, "status": "ACTIVE", "desiredCount": 6, "most": None, **changes
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, parse(event), {}))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"desiredCount": 7}, id="resized anew since"),
        pytest.param({"desiredCount": 4}, id="back already"),
        pytest.param({"status": "DRAINING"}, id="being deleted"),
        pytest.param({"schedulingStrategy": "DAEMON"}, id="one task on each host"),
    ],
)
def test_leaves_alone(changes: dict[str, Any]) -> None:
    assert found(asked(sized(4), sized(6)), **changes) == []


@pytest.mark.parametrize(
    ("event", "whose"),
    [
        (sized(6), NAME),
        (sized(6, taskDefinition="cart:7", ran=("cart:7",)), NAME),
        (sized(6, taskDefinition="cart:7", ran=("cart:7", "cart:7")), NAME),
        (sized(6, taskDefinition="cart:7", ran=("cart:7", "cart:6")), "ecs_service_changed"),
        (sized(6, taskDefinition="cart:7"), "ecs_service_changed"),
        (sized(None, told=6, taskDefinition="cart:7", ran=("cart:7", "cart:6")), "ecs_service_changed"),
        (sized(None, told=6, forceNewDeployment=True), "ecs_service_changed"),
    ],
)
def test_a_call_is_one_guardrails(event: dict[str, Any], whose: str) -> None:
    assert [rail.name for rail, _ in registry.woken(registry.of("ecs"), parse(event))] == [whose]


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({}, None, {})) == []


@pytest.mark.parametrize("earlier", [created(4), sized(4), sized(None, told=4, taskDefinition="cart:7")])
@pytest.mark.parametrize(
    "now", [sized(6), sized(6, taskDefinition="cart:7", ran=("cart:7", "cart:7")), sized(6, deploymentConfiguration={})]
)
def test_remedies_by_what_it_wanted_before(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    [remedy] = found(asked(earlier, now))
    assert remedy.why == "alice had service cart want 6 tasks, where it wanted 4, to be taken back"
    assert (remedy.before, remedy.after) == ({"desiredCount": 6}, {"desiredCount": 4})
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"cluster": "shop", "service": "cart", "desiredCount": 4}
    assert undo.params == {"cluster": "shop", "service": "cart", "desiredCount": 6}


def test_tells_of_a_scalable_target() -> None:
    with pytest.raises(reverts.Uncertain, match="by its scalable target"):
        found(asked(sized(4), sized(6)), most=9)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (asked(None, sized(6)), "the ledger does not tell"),
        (asked(sized(6), sized(6)), "wanted as many before"),
        (asked(sized(4), sized(6, told=5)), "or tells several numbers"),
        (asked(sized(4), sized("6")), "does not tell how many"),
        (asked(sized(True), sized(6)), "does not tell how many"),
        (asked(sized(None), sized(6)), "does not tell how many"),
        (asked(sized(4), cloudtrail("ecs:UpdateService", {"service": "cart", "desiredCount": 6})), "with its cluster"),
    ],
)
def test_tells_what_is_not_certain(event: dict[str, Any], why: str) -> None:
    assert why in reverts.sorry(parse(event))


def test_tells_that_an_arn_of_the_old_form_has_no_cluster() -> None:
    now = sized(6)
    now["detail"]["responseElements"]["service"]["serviceArn"] = ARN.replace("shop/", "")
    assert "with its cluster" in reverts.sorry(parse(asked(sized(4), now)))
