"""Who broke it, and taking that back, in the running account.

The clock of its metrics runs ahead here: no other test comes after these.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.workspace import ALICE
from tests.e2e.conftest import Terminal, eventually
from tests.e2e.test_slack import becomes

pytestmark = pytest.mark.xdist_group("local account")
# On a busy machine much time goes by between what is read first and last, and the fast clock with it.
PATIENCE = 90


def explained(terminal: Terminal, service: str, answer: str) -> dict[str, Any]:
    """The explanation of a service, once it is the one that is expected."""

    def told() -> Any:
        found = terminal.json(f"./parapet explain {service} --json")
        return answer in found["answer"] and found

    found: dict[str, Any] = eventually(told, PATIENCE)
    return found


def failing(terminal: Terminal, balancer: str) -> float:
    """How many of a hundred requests failed in the last two minutes of the metrics."""
    now = datetime.now(UTC)
    queries = [{"Id": "share", "Expression": "100 * FILL(failed, 0) / requests"}] + [
        {
            "Id": id_, "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ApplicationELB", "MetricName": metric,
                    "Dimensions": [{"Name": "LoadBalancer", "Value": balancer}],
                },
                "Period": 60, "Stat": "Sum",
            },
        }
        for id_, metric in (("requests", "RequestCount"), ("failed", "HTTPCode_Target_5XX_Count"))
    ]  # fmt: skip
    found = terminal.json(
        f"aws cloudwatch get-metric-data --metric-data-queries '{json.dumps(queries)}' "
        f"--start-time {now - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ} --end-time {now:%Y-%m-%dT%H:%M:%SZ}"
    )["MetricDataResults"][0]["Values"][:2]
    # Before the first of them is over nothing is known.
    return sum(found) / len(found) if found else -1.0


def runs(terminal: Terminal) -> str:
    """Which revision of its task definition the platform's service wants."""
    service = terminal.json("aws ecs describe-services --cluster platform --services platform-web")["services"][0]
    return str(service["taskDefinition"].rpartition("/")[2])


def test_a_deployment_is_named_at_the_default_pace(terminal: Terminal) -> None:
    terminal.run("./parapet chaos images bad-deploy")
    first = explained(terminal, "images", "UpdateFunctionCode of images-resize by bob")["suspects"][0]
    assert (first["kind"], first["title"]) == ("change", "UpdateFunctionCode of images-resize by bob")
    terminal.run("./parapet chaos images --stop")


def test_a_deployment_is_taken_back_and_all_is_well_and_the_undo_brings_it_again(terminal: Terminal) -> None:
    arns = terminal.json("aws elbv2 describe-load-balancers --names platform")["LoadBalancers"][0]["LoadBalancerArn"]
    balancer = arns.partition("loadbalancer/")[2]
    terminal.run("./parapet chaos platform bad-deploy --for 20h --speed 30")
    # What went wrong with images just before does not mislead it.
    found = explained(terminal, "platform", "UpdateService of platform-web by bob")
    assert found["suspects"][0]["title"] == "UpdateService of platform-web by bob"
    change, offer = found["suspects"][0]["change"], found["revert"]
    assert (offer["what"], offer["command"]) == ("deploy platform-web:1 again", f"./parapet revert {change}")
    assert failing(terminal, balancer) > 5

    asked = terminal.json(f"{offer['command']} --json")["finding"]
    assert runs(terminal) == "platform-web:2", "asking does nothing yet"
    terminal.press(ALICE.id, "approve", asked)
    becomes(terminal, asked, "fixed")
    assert runs(terminal) == "platform-web:1"
    eventually(lambda: 0 <= failing(terminal, balancer) < 1, PATIENCE)
    timeline = terminal.run("./parapet timeline platform --from 6h").stdout
    assert "UpdateService of platform-web" in timeline
    assert f"finding {asked}" in timeline

    terminal.press(ALICE.id, "undo", asked)
    becomes(terminal, asked, "undone")
    assert runs(terminal) == "platform-web:2"
    eventually(lambda: failing(terminal, balancer) > 5, PATIENCE)
    terminal.run("./parapet chaos platform --stop")
    # What the undo permits rests on a person's command, as whoever audits is told.
    assert terminal.run("./parapet verify").stdout.startswith("Whole: 1 day ")
