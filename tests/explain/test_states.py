"""How something that a service stands on is told when it is bad: of every gauge there is, a sentence of its own."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.explain import states
from chalicelib.explain.model import Filled
from chalicelib.services import kinds
from chalicelib.services.model import Gauge, Target

# What a target may be of which all is measured that is measured of its kind.
GIVEN: dict[str, dict[str, Any]] = {
    "alb": {"target_group": "targetgroup/web/0123456789abcdef"},
    "aurora": {"role": "READER", "serverless": True},
    "custom": {"bad": "failed", "total": "all"},
    "cloudfront": {"additional_metrics": True},
    "ec2": {"disk": {"path": "/"}},
    "autoscaling": {"disk": {"path": "/"}},
    "ecs": {"load_balancer": "app/web/0123456789abcdef", "target_group": "targetgroup/web/0123456789abcdef"},
    "eks": {"namespace": "default", "service": "web"},
    "elasticache": {"replica": True},
    "lambda_function": {"asynchronous": True},
    "rds": {"replica": True, "postgres": True},
    "sqs": {"backlog": 1000, "function": "take"},
}  # fmt: skip


def gauges(kind: str) -> list[Gauge]:
    needed: dict[str, Any] = {key: "web" for key, one in kinds.find(kind).fields.items() if one.needed}
    found: list[Gauge] = []
    # A load balancer has other gauges without its target group.
    whole = [{**needed}] if kind in ("alb", "ec2") else []
    for given in (*whole, {**needed, **GIVEN.get(kind, {})}):
        found += kinds.measures(Target(kind, given)).gauges
    return found


@pytest.mark.parametrize("kind", sorted({*kinds.ENTRIES, *kinds.DEPENDENCIES}))
def test_every_gauge_has_words_of_its_own(kind: str) -> None:
    of = f"{kinds.find(kind).label} web"
    for gauge in gauges(kind):
        told = states.told(Filled(of, kind, gauge.name, gauge.label, 0.0, "95 %"))
        assert "web" in told
        assert "limit" not in told


@pytest.mark.parametrize(
    ("kind", "gauge", "of", "said", "told"),
    [
        ("autoscaling", "impaired", "group shop-web", "1", "instances of the group shop-web fail their status checks"),
        ("ec2", "impaired", "instance i-0a", "1", "the instance i-0a fails its status checks"),
        ("alb", "healthy", "load balancer shop", "0", "no target of the load balancer shop is healthy"),
        ("ecs", "tasks", "ECS service web", "2 of 3", "only 2 of 3 tasks of the ECS service web run"),
        ("ecs", "tasks", "ECS service web", "0 of 3", "no task of the ECS service web runs"),
        ("rds", "connections", "database db", "1,025 of 1,013", "the database db has no connection left"),
        ("eks", "nodes", "EKS cluster main", "1", "nodes of the EKS cluster main have failed"),
        ("rds", "connections", "database db", "200 of 200", "the database db has no connection left"),
        ("rds", "connections", "database db", "170 of 200", "the database db uses 170 of 200 connections"),
        ("rds", "memory", "database db", "3 %", "the database db has 3 % of its memory left"),
        ("autoscaling", "memory", "group shop-web", "95 %", "the group shop-web uses 95 % of its memory"),
        ("nat_gateway", "dropped", "NAT gateway nat-0a", "900", "the NAT gateway nat-0a drops packets"),
        ("lambda_function", "dropped", "function take", "9", "events for the function take are dropped"),
    ],
)
def test_what_is_a_state_is_told_as_one(kind: str, gauge: str, of: str, said: str, told: str) -> None:
    assert states.told(Filled(of, kind, gauge, "", 0.0, said)) == told
