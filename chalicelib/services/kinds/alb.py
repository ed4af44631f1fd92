"""An application load balancer, whole or one target group of it.

Requests that find no target are in no RequestCount, and their 503 is the load balancer's own: the total is never below
the bad ones. A target group named beside the load balancer counts what its targets answer and no more: that none is
left is seen by its healthy ones, and by what the load balancer refuses meanwhile.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming
from chalicelib.services.model import Counts, Down, Gauge, Measures, Part, Target, Timed

NAMESPACE = "AWS/ApplicationELB"
LOAD_BALANCER = Field("the load balancer as CloudWatch calls it: app/NAME/ID", r"app/[A-Za-z0-9-]+/[0-9a-f]+")
TARGET_GROUP = Field(
    "one target group of it: targetgroup/NAME/ID", r"targetgroup/[A-Za-z0-9-]+/[0-9a-f]+", needed=False
)


def measures(target: Target) -> Measures:
    """Return what is measured of a load balancer, or of one target group of it."""
    whole, group = str(target.given["load_balancer"]), str(target.given.get("target_group", ""))
    dimensions = [("LoadBalancer", whole), *([("TargetGroup", group)] if group else [])]
    metric = naming(target, NAMESPACE, *dimensions)
    targets, own = metric("HTTPCode_Target_5XX_Count"), metric("HTTPCode_ELB_5XX_Count")
    latency = Timed(metric("TargetResponseTime"), per_second=1.0)
    unreached = mishap("unreached", "targets not reached", metric("TargetConnectionErrorCount"), red=10)
    by_target = Part("target", (targets,))
    if group:
        # The load balancer's own errors are not told by target group, and only for a group is a host counted once.
        unhealthy, healthy = metric("UnHealthyHostCount", "Minimum"), metric("HealthyHostCount", "Minimum")
        return Measures(
            Counts((targets,), (metric("RequestCount"),)),
            (by_target,),
            latency,
            gauges=(
                unreached,
                Gauge("unhealthy", "unhealthy targets", unhealthy, "count", red=1),
                Gauge("healthy", "healthy targets", healthy, "count", red=1, falls=True),
            ),
            # Without zones across which it balances, a node that has no target of its own is no outage: the Maximum.
            down=Down(
                metric("HealthyHostCount", "Maximum"),
                naming(target, NAMESPACE, ("LoadBalancer", whole))("HTTPCode_ELB_5XX_Count"),
            ),
        )
    return Measures(
        Counts((targets, own), (metric("RequestCount"),)),
        (by_target, Part("load balancer", (own,))),
        latency,
        gauges=(mishap("rejected", "rejected connections", metric("RejectedConnectionCount")), unreached),
    )


KIND = Kind(
    "alb",
    "load balancer",
    {"load_balancer": LOAD_BALANCER, "target_group": TARGET_GROUP},
    measures,
    "load_balancer",
)
