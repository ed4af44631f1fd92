"""An ECS service that an alarm calls saturated must get more tasks, within its bounds.

Why: it runs as many tasks as it wants, and they are not enough.
Fix: raises the desired count by `step`, never above the maximum of the service's scalable target (Application Auto
Scaling), or where it has none above `most`; without either, and at the maximum, it is told only. A service that is
deploying or starting tasks, or that runs one task on each host, is left alone.
Undo: puts the desired count back; ECS then stops as many tasks.
Mode: bound to an alarm it asks: more tasks cost money and connections to what is behind them.
Anew: none
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags, wanted
from chalicelib.alarms import Firing
from chalicelib.model import Aws, Remedy
from chalicelib.registry import alarm, guardrail

State = Mapping[str, Any]
PART = "desired count"


def read(aws: Aws, name: str) -> State:
    """Return the service, and the maximum of its scalable target, or None without one; raises AwsError."""
    return {**reads.service(aws, name), "most": reads.most(aws, name)}


def current(service: State, _part: str) -> dict[str, int]:
    """Return how many tasks the service wants."""
    return {"desiredCount": service["desiredCount"]}


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{ClusterName}/{ServiceName}"},
    needs={
        "application-autoscaling:DescribeScalableTargets", "ecs:DescribeServices", "ecs:ListTagsForResource",
        "ecs:UpdateService",
    },
    read=read,
    current=current,
    tags=tags.of_service,
    gone={reads.NOT_THERE, "ClusterNotFoundException"},
    options={"step": 1, "most": 0},
)  # fmt: skip
def check(service: State, fired: Firing, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield the remedy for a service that runs all the tasks that it wants."""
    name, wants = service["serviceName"], service["desiredCount"]
    steady = len(service.get("deployments") or ()) <= 1 and service["runningCount"] >= wants
    if service["status"] != "ACTIVE" or service.get("schedulingStrategy") == "DAEMON" or not steady:
        return
    why = f"service {name} runs the {wants} tasks that it wants while alarm {fired.name} fires"
    most = options["most"] if service["most"] is None else service["most"]
    number = min(wants + options["step"], most)
    if not most:
        yield Remedy(f"{why}; nothing says how many it may have: set `most`, or a scalable target", PART)
    elif number <= wants:
        yield Remedy(f"{why}; {most} is its maximum, which only a person raises", PART)
    else:
        yield Remedy(
            why=why,
            part=PART,
            fix=(wanted.have_tasks(service, number),),
            undo=(wanted.have_tasks(service, wants),),
            before={"desiredCount": wants},
            after={"desiredCount": number},
        )
