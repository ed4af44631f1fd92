"""An ECS service: its requests by its target group on a load balancer, or by Service Connect; how full its tasks are.

CPU and memory are shares of what the tasks reserve, which may go above 100 %. Service Connect counts what it sends to
a discovery name by `TargetDiscoveryName`, in milliseconds, and what arrives there by `DiscoveryName`; of a service
without running tasks it counts nothing, so that only Container Insights tells that none is left.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.services.kinds import Field, Kind, alb, naming, share
from chalicelib.services.model import Counts, Down, Gauge, Measures, Part, Target, Timed


def measures(target: Target) -> Measures:
    """Return what is measured of a service."""
    given = target.given
    own = (("ClusterName", str(given["cluster"])), ("ServiceName", str(given["service"])))
    metric, insights = naming(target, "AWS/ECS", *own), naming(target, "ECS/ContainerInsights", *own)
    gauges = (
        share("cpu", "CPU", metric("CPUUtilization", "Average"), 0.8),
        share("memory", "memory", metric("MemoryUtilization", "Average"), 0.8),
        # Without Container Insights nobody counts tasks.
        Gauge(
            "tasks", "tasks that run", insights("RunningTaskCount", "Minimum"), "count",
            insights("DesiredTaskCount", "Maximum"), 1.0, falls=True, silent="agent_missing",
        ),
    )  # fmt: skip
    if "load_balancer" in given:
        behind = alb.measures(target)
        return replace(behind, gauges=(*gauges, *behind.gauges))
    if "discovery_name" not in given:
        return Measures(gauges=gauges)
    name = str(given["discovery_name"])
    sent = naming(target, "AWS/ECS", ("TargetDiscoveryName", name))
    bad = sent("HTTPCode_Target_5XX_Count")
    return Measures(
        Counts((bad,), (naming(target, "AWS/ECS", ("DiscoveryName", name))("RequestCount"),)),
        (Part("target", (bad,)),),
        Timed(sent("TargetResponseTime")),
        gauges=gauges,
        down=Down(insights("RunningTaskCount", "Maximum"), insights("DesiredTaskCount", "Minimum"), standing=True),
    )


def checks(given: Mapping[str, object]) -> str:
    """Return what is wrong about the keys together."""
    if ("load_balancer" in given) != ("target_group" in given):
        return "load_balancer and target_group tell together which requests are the service's: give both"
    if "load_balancer" in given and "discovery_name" in given:
        return "give load_balancer and target_group, or discovery_name: each tells the service's requests by itself"
    return ""


KIND = Kind(
    "ecs",
    "ECS service",
    {
        "cluster": Field("the name of the cluster", r"[A-Za-z0-9_-]{1,255}"),
        "service": Field("the name of the service", r"[A-Za-z0-9_-]{1,255}"),
        "load_balancer": replace(alb.LOAD_BALANCER, needed=False),
        "target_group": replace(alb.TARGET_GROUP, what="the service's target group: targetgroup/NAME/ID"),
        "discovery_name": Field("its discovery name in Service Connect", r"[A-Za-z0-9_.-]{1,128}", needed=False),
    },
    measures,
    "service",
    checks=checks,
)
