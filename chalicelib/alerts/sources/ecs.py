"""Amazon ECS: deployments that fail, tasks that cannot start or stay up.

A failed deployment fires (`high`) and the next completed one resolves, also that of the rollback. A service that cannot
place or start its tasks (`high`), or whose task ended by itself with an error (`medium`), fires until the service is
steady again. A task of no service is told: `medium`, `high` when it could not even start. Tasks that a deployment, a
person or scaling in stops are not asked for. Where one container ended well and the others were only stopped with it,
the task is told as `low`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, Unreadable, moment, plain, tail
from chalicelib.alerts.signal import Signal, State
from chalicelib.model import Severity

# What a container exits with that was stopped together with the one that ended: SIGTERM, SIGKILL.
STOPPED = {143, 137}
NEVER_STARTED = "TaskFailedToStart"


def deployment(report: Report) -> Signal:
    """Return what became of a service's deployment; raises Unreadable."""
    name, arn = report.said("detail.eventName"), _service(report)
    failed = name == "SERVICE_DEPLOYMENT_FAILED"
    cluster, service = _names(arn, "")
    return report.signal(
        "ecs",
        ("deployment", cluster, service),
        state="firing" if failed else "resolved" if name == "SERVICE_DEPLOYMENT_COMPLETED" else "told",
        severity="high",
        name=service,
        title=f"Deployment of {service} {_words(name, 'SERVICE_DEPLOYMENT_')}",
        lines=(report.maybe("detail.reason"),),
        facts=(("Cluster", cluster), ("Deployment", report.maybe("detail.deploymentId"))),
        resource=arn,
        service=service,
        links=(("Service", _page(report, cluster, service, "deployments")),),
    )


def action(report: Report) -> Signal:
    """Return what ECS says of a service's tasks as a whole; raises Unreadable."""
    name, kind, arn = report.said("detail.eventName"), report.said("detail.eventType"), _service(report)
    cluster, service = _names(arn, report.maybe("detail.clusterArn"))
    steady = name == "SERVICE_STEADY_STATE"
    return report.signal(
        "ecs",
        ("tasks", cluster, service),
        state="resolved" if steady else "firing" if kind in ("WARN", "ERROR") else "told",
        severity="high",
        name=service,
        title=f"{service}: {_words(name, 'SERVICE_')}",
        lines=(report.maybe("detail.reason"),),
        facts=(("Cluster", cluster), ("Event", name)),
        resource=arn,
        service=service,
        links=(("Service", _page(report, cluster, service, "tasks")),),
    )


def task(report: Report) -> Signal:
    """Return why a task has stopped; raises Unreadable."""
    arn, code = report.said("detail.taskArn"), report.said("detail.stopCode")
    cluster, group = tail(report.said("detail.clusterArn")), report.maybe("detail.group")
    service = group.removeprefix("service:") if group.startswith("service:") else ""
    family = tail(report.maybe("detail.taskDefinitionArn").rpartition(":")[0]) or group.removeprefix("family:")
    exits = [one for one in report.items("detail.containers") if isinstance(one, Mapping)]
    codes = {one["exitCode"] for one in exits if type(one.get("exitCode")) is int}
    well = 0 in codes and codes - {0} <= STOPPED and code != NEVER_STARTED
    state: State = "firing" if service and not well else "told"
    severity: Severity = "low" if well else "high" if code == NEVER_STARTED else "medium"
    name = service or family or tail(arn)
    return report.signal(
        "ecs",
        ("tasks", cluster, service) if service else ("task", cluster, family),
        state=state,
        severity=severity,
        name=name,
        title=f"A task of {name} {'could not start' if code == NEVER_STARTED else 'has ended'}",
        lines=(report.maybe("detail.stoppedReason"), *(_container(one) for one in exits)),
        facts=(
            ("Cluster", cluster),
            ("Task definition", report.maybe("detail.taskDefinitionArn").split("/")[-1]),
            ("Stopped", code),
        ),
        at=moment(report.get("detail.stoppedAt")),
        resource=arn,
        service=service,
        links=(
            (
                "Task",
                page(report.region, f"/ecs/v2/clusters/{quoted(cluster)}/tasks/{quoted(tail(arn))}?region={{region}}"),
            ),
        ),
    )


def _service(report: Report) -> str:
    if arn := report.resource:
        return arn
    raise Unreadable("resources names no service")


def _names(arn: str, cluster: str) -> tuple[str, str]:
    """Return the names of the cluster and the service; an ARN of the old form lacks the cluster's."""
    parts = arn.split("/")
    return (tail(cluster) if cluster else parts[1] if len(parts) > 2 else "default"), parts[-1]


def _container(one: Mapping[str, Any]) -> str:
    said = ", ".join(
        text
        for text in (
            f"exit code {one['exitCode']}" if type(one.get("exitCode")) is int else "",
            plain(one.get("reason")),
        )
        if text
    )
    return f"Container {plain(one.get('name'))}: {said}" if said else ""


def _words(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).replace("_", " ").lower()


def _page(report: Report, cluster: str, service: str, tab: str) -> str:
    path = f"/ecs/v2/clusters/{quoted(cluster)}/services/{quoted(service)}/{tab}?region={{region}}"
    return page(report.region, path)
