"""An ECS service whose latest deployment an alarm calls failing must return to the last one that was steady.

Why: what was deployed shortly before the alarm is most often its cause, and going back is faster than finding out.
Fix: makes the service want the task definition of the last deployment before that ECS counts as successful, which it
does once the service is steady. It is told only where a rollback would be a guess: nothing was deployed within
`within` minutes before the alarm, the deployment changed no task definition, none before is known (ECS keeps 90
days), ECS has rolled back itself, or CodeDeploy deploys.
Undo: makes the service want the newer task definition again.
Mode: bound to an alarm it asks: what the newer code has written, such as a database's new schema, the older one
must be able to read; that only a person knows.
Anew: every task.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib import reads, tags, wanted
from chalicelib.alarms import Firing
from chalicelib.model import Aws, Remedy
from chalicelib.registry import alarm, guardrail

State = Mapping[str, Any]
PART = "task definition"


def read(aws: Aws, name: str) -> State:
    """Return the service, and its latest deployments with their task definitions, newest first; raises AwsError."""
    cluster, _, own = name.partition("/")
    service = reads.service(aws, name)
    found = aws("ecs", "list_service_deployments", cluster=cluster, service=own)["serviceDeployments"]
    arns = sorted({one["targetServiceRevisionArn"] for one in found if one.get("targetServiceRevisionArn")})
    revisions = aws("ecs", "describe_service_revisions", serviceRevisionArns=arns[:20]) if arns else {}
    known = {one["serviceRevisionArn"]: one["taskDefinition"] for one in revisions.get("serviceRevisions") or ()}
    deployments = [
        {
            "at": one["createdAt"].timestamp(),
            "status": one["status"],
            "taskDefinition": known.get(one.get("targetServiceRevisionArn")),
        }
        for one in found
    ]
    return {**service, "history": sorted(deployments, key=lambda one: one["at"], reverse=True)}


def short(definition: str) -> str:
    """Return a task definition as people write it: `web:7`."""
    return definition.rsplit("/", 1)[-1]


def doubt(service: State, history: Sequence[State], steady: State | None, since: float, within: int) -> str:
    """Return why a rollback would be a guess, or an empty text."""
    if service.get("deploymentController", {}).get("type", "ECS") != "ECS":
        return "it is not deployed by ECS itself: roll back where it is"
    if not history or since - history[0]["at"] > within * 60:
        return f"nothing was deployed within {within} minutes before: going back would mend nothing"
    if history[0]["status"] == "ROLLBACK_SUCCESSFUL":
        return "ECS has rolled its latest deployment back by itself"
    if steady is None:
        return "no steady deployment before the latest is known"
    if steady["taskDefinition"] == service["taskDefinition"]:
        return "its latest deployment changed no task definition"
    return ""


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{ClusterName}/{ServiceName}"},
    needs={
        "ecs:DescribeServiceRevisions", "ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:ListTagsForResource",
        "ecs:UpdateService",
    },
    read=read,
    current=wanted.definition,
    tags=tags.of_service,
    gone={reads.NOT_THERE, "ClusterNotFoundException", "ServiceNotFoundException"},
    options={"within": 60},
)  # fmt: skip
def check(service: State, fired: Firing, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield the remedy for a service that was deployed before the alarm, unless ECS is rolling it back already."""
    history = service["history"]
    if service["status"] != "ACTIVE" or (history and history[0]["status"] in _GOING_BACK):
        return
    now, why = service["taskDefinition"], f"service {service['serviceName']} runs {short(service['taskDefinition'])}"
    why = f"{why} while alarm {fired.name} fires"
    steady = next((one for one in history[1:] if one["status"] == "SUCCESSFUL" and one["taskDefinition"]), None)
    unsure = doubt(service, history, steady, fired.since, options["within"])
    if unsure or steady is None:
        yield Remedy(f"{why}; {unsure}", PART)
        return
    before = steady["taskDefinition"]
    yield Remedy(
        why=f"{why}, deployed {max(0.0, fired.since - history[0]['at']) / 60:.0f} minutes before it; {short(before)} "
        "was steady",
        part=PART,
        fix=(wanted.have_definition(service, before),),
        undo=(wanted.have_definition(service, now),),
        before={"taskDefinition": now},
        after={"taskDefinition": before},
    )


_GOING_BACK = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED")
