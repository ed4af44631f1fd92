"""What somebody deployed to an ECS service must be what ran before, where a person takes that deployment back.

Why: what was deployed shortly before is most often the cause, and going back is faster than finding out.
Fix: makes the service want the task definition again that ran when it was deployed; desired count and all else stay. It
is offered only where the answer to the deployment tells which one ran, and as long as the service still wants what was
deployed; not where CodeDeploy deploys. A desired count that the same call set stays as it is, and that is said.
Undo: makes the service want the newer task definition again.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: what the newer code has written, the older one must be able to read.
Anew: every task.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, reverts, tags, wanted
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import guardrail, taken_back

State = Mapping[str, Any]
PART = "task definition"


def read(aws: Aws, name: str) -> State:
    """Return the service that `cluster/service` names, or an ARN with both in it; raises AwsError."""
    return reads.service(aws, name.rpartition(":service/")[2])


def resource(service: State) -> str:
    """Return the service as `cluster/service`."""
    return "/".join(reads.names(service).values())


@guardrail(
    severity="high",
    default="off",
    on={taken_back("ecs:UpdateService"): "responseElements.service.serviceArn"},
    needs={"ecs:DescribeServices", "ecs:ListTagsForResource", "ecs:UpdateService"},
    read=read,
    resource=resource,
    current=wanted.definition,
    tags=tags.of_service,
    gone={reads.NOT_THERE, "ClusterNotFoundException", "ServiceNotFoundException"},
    event_born=True,
    about=lambda event: not reverts.scales(event),
)
def check(service: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a deployment back, as long as the service wants what was deployed."""
    if event is None or service["status"] != "ACTIVE":
        return
    if service.get("deploymentController", {}).get("type", "ECS") != "ECS":
        return
    did = reverts.deployed(event)
    if service["taskDefinition"] != did.now:
        return
    before, now = (one.rsplit("/", 1)[-1] for one in (did.before, did.now))
    yield Remedy(
        why=f"{event.actor.who} deployed {now} to service {service['serviceName']}, where {before} ran, to be taken "
        "back",
        part=PART,
        fix=(wanted.have_definition(service, did.before),),
        undo=(wanted.have_definition(service, did.now),),
        before={"taskDefinition": did.now},
        after={"taskDefinition": did.before},
    )
