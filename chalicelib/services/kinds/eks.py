"""An EKS cluster, as Container Insights sees it; without that add-on nothing is known, which does not mean healthy.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-EKS.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.services.kinds import Field, Kind, naming, share
from chalicelib.services.model import Gauge, Measures, Metric, State, Target

SILENT: State = "agent_missing"


def measures(target: Target) -> Measures:
    """Return how full a cluster is, and one service in it."""
    whole = ("ClusterName", str(target.given["cluster"]))
    metric = naming(target, "ContainerInsights", whole)
    gauges = [
        share("cpu", "CPU of the nodes", metric("node_cpu_utilization", "Maximum"), 0.8, SILENT),
        share("memory", "memory of the nodes", metric("node_memory_utilization", "Maximum"), 0.8, SILENT),
        share("disk", "disks of the nodes", metric("node_filesystem_utilization", "Maximum"), 0.8, SILENT),
        Gauge(
            "nodes", "failed nodes", metric("cluster_failed_node_count", "Maximum"), "count", red=1, silent=SILENT
        ),
    ]  # fmt: skip
    if "service" in target.given:
        place = (("Namespace", str(target.given["namespace"])), ("Service", str(target.given["service"])))
        pods = naming(target, "ContainerInsights", whole, *place)

        def used(what: str) -> Metric:
            return pods(f"pod_{what}_utilization_over_pod_limit", "Maximum")

        running = pods("service_number_of_running_pods", "Minimum")
        gauges += [
            share("pod_cpu", "CPU of the pods", used("cpu"), 0.8, SILENT),
            share("pod_memory", "memory of the pods", used("memory"), 0.8, SILENT),
            Gauge("pods", "pods that run", running, "count", red=1, falls=True, silent=SILENT),
        ]  # fmt: skip
    return Measures(gauges=tuple(gauges))


def checks(given: Mapping[str, object]) -> str:
    """Return what is wrong about the keys together."""
    return (
        ""
        if ("service" in given) == ("namespace" in given)
        else "service and namespace name pods together: give both or none"
    )


NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
KIND = Kind(
    "eks",
    "EKS cluster",
    {
        "cluster": Field("the name of the cluster", NAME),
        "namespace": Field("a namespace in it", NAME, needed=False),
        "service": Field("a service in that namespace", NAME, needed=False),
    },
    measures,
    "cluster",
    checks=checks,
)
