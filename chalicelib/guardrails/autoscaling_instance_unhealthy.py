"""An instance of an Auto Scaling group must be replaced when an alarm calls it unhealthy.

Why: the group looks at EC2's checks alone, or not soon enough, and goes on sending work to an instance that fails it.
Fix: tells the group that the instance is unhealthy; the group replaces it by its own maintenance policy. Which one is
meant the alarm's InstanceId says, or else, of a group, the health checks of its target groups. Where more than half
of the group is unhealthy, replacing mends nothing that they have in common: that is told only, and so it is where the
group replaces or launches nothing at present.
Undo: none
Mode: bound to an alarm it asks: the instance is terminated with all that it holds, its traces included.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.alarms import Firing
from chalicelib.model import Aws, Remedy, call
from chalicelib.registry import alarm, guardrail

State = Mapping[str, Any]
NEEDED = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy"})


def read(aws: Aws, subject: str) -> State:
    """Return the group that a subject is, or whose instance it is, and which instances are ill; raises AwsError."""
    if subject.startswith("i-"):
        answer = aws("autoscaling", "describe_auto_scaling_instances", InstanceIds=[subject])["AutoScalingInstances"]
        own = reads.there(answer, "autoscaling:DescribeAutoScalingInstances", f"{subject} is in no group")
        return {"group": reads.group(aws, own["AutoScalingGroupName"]), "ill": [subject]}
    group = reads.group(aws, subject)
    targets = [
        target
        for arn in group.get("TargetGroupARNs") or ()
        for target in aws("elbv2", "describe_target_health", TargetGroupArn=arn)["TargetHealthDescriptions"]
    ]
    ill = {one["Target"]["Id"] for one in targets if one["TargetHealth"]["State"] == "unhealthy"}
    return {"group": group, "ill": sorted(ill)}


def serving(state: State) -> dict[str, str]:
    """Return what the group thinks of the health of each instance that it has in service."""
    return {
        one["InstanceId"]: one["HealthStatus"].lower()
        for one in state["group"]["Instances"]
        if one["LifecycleState"] == "InService"
    }


def current(state: State, part: str) -> str:
    """Return what the group thinks of an instance: `unhealthy` also once it is on its way out, or gone."""
    return serving(state).get(part, "unhealthy")


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{InstanceId} | {AutoScalingGroupName}"},
    needs={
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:SetInstanceHealth", "elasticloadbalancing:DescribeTargetHealth",
    },
    read=read,
    current=current,
    tags=lambda _aws, _subject, state: tags.within([state["group"]]),
    gone={reads.NOT_THERE},
)  # fmt: skip
def check(state: State, fired: Firing) -> Iterable[Remedy]:
    """Yield a remedy for each instance that is ill, and that the group believes to be healthy."""
    group, healthy = state["group"], serving(state)
    ill = [one for one in state["ill"] if healthy.get(one) == "healthy"]
    name = group["AutoScalingGroupName"]
    halted = sorted(NEEDED & {one["ProcessName"] for one in group.get("SuspendedProcesses") or ()})
    common = len(ill) > 1 and len(ill) * 2 > len(healthy)
    for one in ill:
        why = f"instance {one} of group {name} is unhealthy while alarm {fired.name} fires"
        if halted:
            yield Remedy(
                f"{why}; the group's {', '.join(halted)} is suspended, so nothing replaces it", f"{one} halted"
            )
        elif common:
            yield Remedy(f"{why}, and so are {len(ill)} of {len(healthy)}: what ails them all?", one)
        else:
            yield Remedy(
                why=why,
                part=one,
                fix=(
                    call(
                        "autoscaling", "set_instance_health", InstanceId=one, HealthStatus="Unhealthy",
                        ShouldRespectGracePeriod=False,
                    ),
                ),
                before="healthy",
                after="unhealthy",
            )  # fmt: skip
