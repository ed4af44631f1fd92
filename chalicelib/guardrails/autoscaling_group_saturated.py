"""An Auto Scaling group that an alarm calls saturated must grow, within its own bounds.

Why: it has as many instances as it wants, and they are not enough.
Fix: raises the desired capacity by `step`, never above the group's maximum: at that it is told only, and a person
decides about the bound. A group that is growing already, or whose launches are suspended, is left alone.
Undo: puts the desired capacity back; the group then terminates as many instances, by its termination policies.
Mode: bound to an alarm it asks: more instances cost money, and may not help where the database is what is slow. A
scaling policy of the group may take the instances away again.
Anew: none
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags, wanted
from chalicelib.alarms import Firing
from chalicelib.model import Remedy
from chalicelib.registry import alarm, guardrail

Group = Mapping[str, Any]
PART = "desired capacity"


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{AutoScalingGroupName}"},
    needs={"autoscaling:DescribeAutoScalingGroups", "autoscaling:SetDesiredCapacity"},
    read=reads.group,
    current=wanted.instances,
    tags=tags.known,
    gone={reads.NOT_THERE},
    options={"step": 1},
)
def check(group: Group, fired: Firing, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield the remedy for a group that runs all the instances that it wants."""
    name, wants, most = group["AutoScalingGroupName"], group["DesiredCapacity"], group["MaxSize"]
    serving = sum(one["LifecycleState"] == "InService" for one in group["Instances"])
    halted = any(one["ProcessName"] == "Launch" for one in group.get("SuspendedProcesses") or ())
    # A group has a status only while it is being deleted.
    if serving < wants or halted or group.get("Status"):
        return
    why = f"group {name} runs the {wants} instances that it wants while alarm {fired.name} fires"
    number = min(wants + options["step"], most)
    if number <= wants:
        yield Remedy(f"{why}; {most} is its maximum, which only a person raises", PART)
        return
    yield Remedy(
        why=why,
        part=PART,
        fix=(wanted.have_instances(group, number),),
        undo=(wanted.have_instances(group, wants),),
        before={"DesiredCapacity": wants},
        after={"DesiredCapacity": number},
    )
