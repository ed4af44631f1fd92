"""An Auto Scaling group: its instances together, as in `ec2`, and how many of them there may be.

The agent tells of a whole group where its configuration aggregates by AutoScalingGroupName.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.services.kinds import Field, Kind, naming, sought
from chalicelib.services.kinds.ec2 import AGENT, DISK, of_instances
from chalicelib.services.model import Gauge, Measures, Target


def measures(target: Target) -> Measures:
    """Return how full the instances of a group are, and the group itself."""
    own = ("AutoScalingGroupName", str(target.given["group"]))
    metric = naming(target, "AWS/AutoScaling", own)
    size = Gauge(
        "size", "instances in service", metric("GroupInServiceInstances", "Maximum"), "count",
        sought(target, "size"), 1.0, silent="no_data",
    )  # fmt: skip
    found = of_instances(target, own)
    return replace(found, gauges=(*found.gauges, size))


KIND = Kind(
    "autoscaling",
    "group",
    {"group": Field("the name of the group", r"[^\x00-\x1f:]{1,255}"), "agent": AGENT, "disk": DISK},
    measures,
    "group",
)
