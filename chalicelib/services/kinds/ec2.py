"""An EC2 instance, with its memory and disk where the CloudWatch agent measures them.

Without detailed monitoring there is a point in five minutes. Nothing but the agent knows memory: without it there is no
metric at all. Its dimensions are those of its configuration, exactly; `./parapet discover` finds them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.services.kinds import Field, Kind, naming, share
from chalicelib.services.model import Gauge, Measures, Target

AGENT = Field(
    'the dimensions of mem_used_percent, where the agent appends others: { InstanceId = "i-…", InstanceType = "…" }',
    r"[^\x00-\x1f]{1,1024}", needed=False, shape="table",
)  # fmt: skip
DISK = Field(
    "the dimensions of disk_used_percent: path, device, fstype, and those that the agent appends",
    r"[^\x00-\x1f]{1,1024}", needed=False, shape="table",
)  # fmt: skip


def measures(target: Target) -> Measures:
    """Return how full an instance is."""
    return of_instances(target, ("InstanceId", str(target.given["instance"])))


def of_instances(target: Target, own: tuple[str, str]) -> Measures:
    """Return how full an instance is, or those of a group, by the dimension that tells which."""
    metric = naming(target, "AWS/EC2", own)
    agent, disk = target.given.get("agent"), target.given.get("disk")
    dimensions = agent if isinstance(agent, Mapping) else dict([own])
    used = naming(target, "CWAgent", *dimensions.items())("mem_used_percent", "Average")
    gauges = [
        share("cpu", "CPU", metric("CPUUtilization", "Average"), 0.8),
        share("memory", "memory", used, 0.9, silent="agent_missing"),
        Gauge("impaired", "failed status checks", metric("StatusCheckFailed", "Maximum"), "count", red=1),
    ]
    if isinstance(disk, Mapping):
        full = naming(target, "CWAgent", *disk.items())("disk_used_percent", "Maximum")
        gauges.append(share("disk", "disk", full, 0.85, silent="agent_missing"))
    return Measures(gauges=tuple(gauges))


KIND = Kind(
    "ec2",
    "instance",
    {
        "instance": Field("the id of the instance", r"i-([0-9a-f]{8}|[0-9a-f]{17})"),
        "agent": AGENT,
        "disk": DISK,
    },
    measures,
    "instance",
)
