"""An Auto Scaling group must want as many instances as before somebody set that, where a person takes that back.

Why: a group made too small by hand, or grown until its database gives in, is mended fastest by what held before.
Fix: sets the desired capacity that the group had before; its minimum, its maximum and all else stay. It is offered only
where the group's own activities of that very moment tell what that was, and as long as the group still wants what was
set; not outside the bounds that it has by now.
Undo: sets the desired capacity again that somebody had set.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: a smaller group ends instances, by its termination policies. A scaling policy may set it anew.
Anew: the instances that a group ends, and starts again.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, reverts, tags, wanted
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import guardrail, taken_back

Group = Mapping[str, Any]
PART = "desired capacity"


def read(aws: Aws, name: str) -> Group:
    """Return the group, with what it has done lately; raises AwsError."""
    group = reads.group(aws, name)
    done = aws("autoscaling", "describe_scaling_activities", AutoScalingGroupName=name, MaxRecords=100)
    return {**group, "Activities": done["Activities"]}


@guardrail(
    severity="high",
    default="off",
    on={
        taken_back("autoscaling:SetDesiredCapacity"): "requestParameters.autoScalingGroupName",
        taken_back("autoscaling:UpdateAutoScalingGroup"): "requestParameters.autoScalingGroupName",
    },
    needs={
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities",
        "autoscaling:SetDesiredCapacity",
    },
    read=read,
    current=wanted.instances,
    tags=tags.known,
    gone={reads.NOT_THERE},
    event_born=True,
)  # fmt: skip
def check(group: Group, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a size back, as long as the group wants it; raises Uncertain."""
    # A group has a status only while it is being deleted.
    if event is None or group.get("Status") or group["DesiredCapacity"] != reverts.resized(event):
        return
    name, now, before = (
        group["AutoScalingGroupName"],
        group["DesiredCapacity"],
        reverts.size(event, group["Activities"]),
    )
    if not group["MinSize"] <= before <= group["MaxSize"]:
        raise reverts.Uncertain(
            f"group {name} wanted {before} instances, and by now it must have {group['MinSize']} to {group['MaxSize']}"
        )
    yield Remedy(
        why=f"{event.actor.who} had group {name} want {now} instances, where it wanted {before}, to be taken back",
        part=PART,
        fix=(wanted.have_instances(group, before),),
        undo=(wanted.have_instances(group, now),),
        before={"DesiredCapacity": now},
        after={"DesiredCapacity": before},
    )
