"""An instance that an alarm misses must be started.

Why: somebody, or a crash of its system, has stopped it, and an alarm says that it is missed.
Fix: starts the instance. One that is stopping still cannot be started: the finding is held, and tried again every two
minutes. Where its volumes are encrypted with a key of yours, Parapet's role must be let use that for it, or EC2 stops
it again at once. A member of an Auto Scaling group is left to its group.
Undo: stops it again.
Mode: bound to an alarm it asks: whoever stopped the instance may have meant it, and running costs money.
Anew: its public address, unless it has an Elastic IP; what instance stores held is lost since it was stopped.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.alarms import Firing
from chalicelib.model import Remedy, call
from chalicelib.registry import alarm, guardrail

STATES = {"stopping": "stopped", "pending": "running"}
GROUP = "aws:autoscaling:groupName"


def current(instance: Mapping[str, Any], _part: str) -> str:
    """Return the state that the instance has, or is on its way to."""
    name = str(instance["State"]["Name"])
    return STATES.get(name, name)


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{InstanceId}"},
    needs={"ec2:DescribeInstances", "ec2:StartInstances", "ec2:StopInstances"},
    read=reads.instance,
    current=current,
    tags=tags.known,
    gone={"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"},
    later={"IncorrectInstanceState"},
)
def check(instance: Mapping[str, Any], fired: Firing) -> Iterable[Remedy]:
    """Yield the remedy for an instance that is stopped."""
    if current(instance, "") != "stopped":
        return
    name, how = instance["InstanceId"], instance.get("StateTransitionReason") or "no reason told"
    why = f"instance {name} is stopped ({how}) while alarm {fired.name} fires"
    group = tags.within([instance]).get(GROUP)
    if group:
        yield Remedy(f"{why}; its group {group} replaces it by itself", "state")
        return
    yield Remedy(
        why=why,
        part="state",
        fix=(call("ec2", "start_instances", InstanceIds=[name]),),
        undo=(call("ec2", "stop_instances", InstanceIds=[name]),),
        before="stopped",
        after="running",
    )
