"""An instance that does not pass its status check must be rebooted when an alarm says so.

Why: its system does not answer any more: memory is exhausted, the kernel hangs, the network is misconfigured.
Fix: reboots the instance, which stays on its host and keeps its addresses and instance stores; whatever runs on it
is interrupted for some minutes. A failed check of the *system* is AWS's host: no reboot mends that, and it is told
only. EC2 moves most instances by itself then, and others by the alarm action `ec2:recover`, for which there is no call.
Undo: none
Mode: bound to an alarm it asks: a reboot interrupts what still works, and wipes the traces of what went wrong. Should
Parapet be killed right after the call, the instance is rebooted once more.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.alarms import Firing
from chalicelib.model import Aws, Remedy, call
from chalicelib.registry import alarm, guardrail

ILL, WELL = "impaired", "not impaired"


def read(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return the instance and its status checks; raises AwsError."""
    found = aws("ec2", "describe_instance_status", InstanceIds=[name], IncludeAllInstances=True)["InstanceStatuses"]
    return {"instance": reads.instance(aws, name), "checks": found[0] if found else {}}


def current(state: Mapping[str, Any], part: str) -> str:
    """Return whether a check fails: that of the `instance`, or that of its `host`."""
    name = "SystemStatus" if part == "host" else "InstanceStatus"
    return ILL if state["checks"].get(name, {}).get("Status") == ILL else WELL


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{InstanceId}"},
    needs={"ec2:DescribeInstanceStatus", "ec2:DescribeInstances", "ec2:RebootInstances"},
    read=read,
    current=current,
    tags=lambda _aws, _name, state: tags.within([state["instance"]]),
    gone={"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"},
)
def check(state: Mapping[str, Any], fired: Firing) -> Iterable[Remedy]:
    """Yield the remedy for a running instance whose check fails."""
    name = state["instance"]["InstanceId"]
    if state["instance"]["State"]["Name"] != "running":
        return
    if current(state, "host") == ILL:
        told = (
            f"the host of instance {name} fails its check while alarm {fired.name} fires: a reboot does not mend that"
        )
        yield Remedy(told, "host", before=ILL)
    elif current(state, "instance") == ILL:
        yield Remedy(
            why=f"instance {name} fails its status check while alarm {fired.name} fires",
            part="instance",
            fix=(call("ec2", "reboot_instances", InstanceIds=[name]),),
            before=ILL,
            after=WELL,
        )
