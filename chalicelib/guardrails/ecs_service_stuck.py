"""An ECS service that an alarm calls stuck must be deployed anew.

Why: its tasks run and do no work: a connection pool is exhausted, a lease is lost, a cache is poisoned.
Fix: forces a new deployment of what runs, which replaces every task within the service's own bounds. A service that
is deploying already, or that CodeDeploy deploys, is left alone.
Undo: none
Mode: bound to an alarm it asks: every task is replaced, what they hold in memory is lost, and an image behind a tag
that has moved is pulled anew, so that other code may run than before.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.alarms import Firing
from chalicelib.model import Remedy, call
from chalicelib.registry import alarm, guardrail

Service = Mapping[str, Any]


def primary(service: Service) -> Mapping[str, Any]:
    """Return the deployment that the service wants; empty where it has none."""
    found = service.get("deployments") or ()
    return next((one for one in found if one["status"] == "PRIMARY"), {})


def current(service: Service, _part: str) -> dict[str, Any]:
    """Return the id of the deployment that the service wants."""
    return {"deployment": primary(service).get("id")}


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{ClusterName}/{ServiceName}"},
    needs={"ecs:DescribeServices", "ecs:ListTagsForResource", "ecs:UpdateService"},
    read=reads.service,
    current=current,
    tags=tags.of_service,
    gone={reads.NOT_THERE, "ClusterNotFoundException"},
)
def check(service: Service, fired: Firing) -> Iterable[Remedy]:
    """Yield the remedy for a service that ECS itself deploys, and does not just now."""
    kind, deployment = service.get("deploymentController", {}).get("type", "ECS"), primary(service)
    busy = len(service.get("deployments") or ()) > 1 or deployment.get("rolloutState", "COMPLETED") != "COMPLETED"
    if service["status"] != "ACTIVE" or kind != "ECS" or not deployment or busy:
        return
    yield Remedy(
        why=f"service {service['serviceName']} is not deploying anything while alarm {fired.name} fires",
        part="deployment",
        fix=(
            call(
                "ecs", "update_service", **reads.names(service),
                forceNewDeployment=True,
            ),
        ),
        before={"deployment": deployment["id"]},
        # What id the new one will have nobody knows before.
        after={"deployment": "another"},
    )  # fmt: skip
