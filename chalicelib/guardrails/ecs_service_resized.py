"""An ECS service must want as many tasks as before somebody set that, where a person takes that back.

Why: a service made too small by hand, or grown until its database gives in, is mended fastest by what held before.
Fix: sets the desired count that the service had before; task definition and all else stay. It is offered only where the
change ledger has the call before and Parapet itself has not changed the service in between, and as long as the service
still wants what was set; not where it runs one task on each host, or has a scalable target, by which Application Auto
Scaling sets the count. Where the same call deployed another task definition, that is what may be taken back
(`ecs_service_changed`), and not the count: it may have been meant for those tasks.
Undo: sets the desired count again that somebody had set.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: a smaller service stops tasks.
Anew: the tasks that a service stops, and starts again.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, reverts, tags, wanted
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import guardrail, taken_back

State = Mapping[str, Any]
PART = "desired count"


def read(aws: Aws, name: str) -> State:
    """Return the service, by `cluster/service` or ARN, with the maximum of its scalable target; raises AwsError."""
    own = name.rpartition(":service/")[2]
    return {**reads.service(aws, own), "most": reads.most(aws, own)}


def resource(service: State) -> str:
    """Return the service as `cluster/service`."""
    return "/".join(reads.names(service).values())


def current(service: State, _part: str) -> dict[str, Any]:
    """Return how many tasks the service wants, and the maximum of its scalable target, if it has one by now."""
    return {name: service[name] for name in ("desiredCount", "most") if service[name] is not None}


@guardrail(
    severity="high",
    default="off",
    on={taken_back("ecs:UpdateService"): "responseElements.service.serviceArn"},
    needs={
        "application-autoscaling:DescribeScalableTargets", "ecs:DescribeServices", "ecs:ListTagsForResource",
        "ecs:UpdateService",
    },
    read=read,
    resource=resource,
    current=current,
    tags=tags.of_service,
    gone={reads.NOT_THERE, "ClusterNotFoundException", "ServiceNotFoundException"},
    event_born=True,
    about=reverts.scales,
)  # fmt: skip
def check(service: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a count back, as long as the service wants it; raises Uncertain."""
    if event is None or service["status"] != "ACTIVE":
        return
    before, now = reverts.scaled(event)
    if service["desiredCount"] != now or service.get("schedulingStrategy") == "DAEMON":
        return
    name = service["serviceName"]
    if service["most"] is not None:
        raise reverts.Uncertain(
            f"Application Auto Scaling sets how many tasks service {name} has, by its scalable target"
        )
    yield Remedy(
        why=f"{event.actor.who} had service {name} want {now} tasks, where it wanted {before}, to be taken back",
        part=PART,
        fix=(wanted.have_tasks(service, before),),
        undo=(wanted.have_tasks(service, now),),
        before={"desiredCount": now},
        after={"desiredCount": before},
    )
