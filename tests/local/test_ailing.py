"""ECS answers a deployment as on AWS: what is new has begun, what ran is still there, and soon all is steady."""

from __future__ import annotations

from typing import Any

from local import ailing
from tests.account import TestAccount
from tests.guardrails.test_ecs_service_saturated import build, definition


def test_what_ran_is_in_the_answer_and_gone_afterwards(account: TestAccount) -> None:
    ailing.plug_in()
    build(account)
    ecs = account.client("ecs")

    def told(answer: Any) -> list[tuple[str, str, str, int]]:
        names = ("status", "taskDefinition", "rolloutState", "runningCount")
        return [tuple(one[name] for name in names) for one in answer["deployments"]]

    def steady() -> Any:
        return ecs.describe_services(cluster="shop", services=["web"])["services"][0]

    [(_, before, _, many)] = told(steady())
    now = definition(account)
    answer = ecs.update_service(cluster="shop", service="web", taskDefinition=now)["service"]
    assert told(answer) == [("PRIMARY", now, "IN_PROGRESS", 0), ("ACTIVE", before, "COMPLETED", many)]
    assert told(steady()) == [("PRIMARY", now, "COMPLETED", many)]
    assert len({one["id"] for one in (*answer["deployments"], *steady()["deployments"])}) == 2
    # Without another task definition nothing is deployed.
    scaled = ecs.update_service(cluster="shop", service="web", desiredCount=many + 1)["service"]
    assert [one[:3] for one in told(scaled)] == [("PRIMARY", now, "COMPLETED")]
