"""What happens in an account and never in moto: failed checks, ill targets, histories of deployments and sizes."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance
from moto.ecs.models import EC2ContainerServiceBackend, Service
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

# Which checks of an instance fail, by its id; which instances their target groups call unhealthy.
impaired: dict[str, set[str]] = {}
unhealthy: set[str] = set()
# When a group's size is set, unless a test says otherwise.
clock: list[Callable[[], float]] = [time.time]


def now() -> datetime:
    """Return the time by that clock."""
    return datetime.fromtimestamp(clock[0](), UTC)


def plug_in() -> None:
    """Have moto know of all this; whatever is not told to be ill is as well as before."""
    impaired.clear()
    unhealthy.clear()
    clock[:] = [time.time]
    if hasattr(EC2ContainerServiceResponse, "list_service_deployments"):
        return
    _checks()
    _targets()
    _deployments()
    _activities()


def _checks() -> None:
    for name in ("instance_status", "system_status"):
        well = getattr(Instance, name).fget

        def status(self: Any, well: Any = well, name: str = name) -> dict[str, Any]:
            found: dict[str, Any] = well(self)
            ill = name in impaired.get(self.id, ()) and found["Status"] == "ok"
            return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed"}]} if ill else found

        setattr(Instance, name, property(status))


def _targets() -> None:
    well = FakeTargetGroup.health_for

    def health_for(self: Any, target: Any, ec2_backend: Any) -> FakeHealthStatus:
        found = well(self, target, ec2_backend)
        if target["Id"] in unhealthy and found.status == "healthy":
            return FakeHealthStatus(
                target["Id"],
                target.get("Port", 80),
                self.health_check_port,
                "unhealthy",
                "Target.FailedHealthChecks",
                "no answer",
            )
        return found

    FakeTargetGroup.health_for = health_for


def _deployments() -> None:
    create, update = EC2ContainerServiceBackend.create_service, EC2ContainerServiceBackend.update_service

    def create_service(self: Any, *given: Any, **named: Any) -> Service:
        service = create(self, *given, **named)
        deployed(service)
        return service

    def update_service(self: Any, properties: dict[str, Any]) -> Service:
        cluster, name = properties.get("cluster", "default"), properties["service"]
        there = self._get_service(cluster, name.split("/")[-1])
        before, ran = there.task_definition, copy.deepcopy(there.deployments)
        forced = bool(properties.get("force_new_deployment"))
        service = update(self, properties)
        service.task_definition = self.describe_task_definition(service.task_definition).arn
        if not (forced or service.task_definition != before):
            return service
        deployed(service)
        return _rolling(service, ran)

    def list_service_deployments(self: Any) -> ActionResult:
        service = self.ecs_backend._get_service(self._get_param("cluster", "default"), self._get_param("service"))
        return ActionResult({"serviceDeployments": list(reversed(history(service)))})

    def describe_service_revisions(self: Any) -> ActionResult:
        known = {
            one["targetServiceRevisionArn"]: one for each in self.ecs_backend.services.values() for one in history(each)
        }
        wanted = self._get_param("serviceRevisionArns")
        return ActionResult(
            {
                "serviceRevisions": [
                    {"serviceRevisionArn": arn, "taskDefinition": known[arn]["taskDefinition"]}
                    for arn in wanted
                    if arn in known
                ],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known],
            }
        )

    EC2ContainerServiceBackend.create_service = create_service
    EC2ContainerServiceBackend.update_service = update_service
    EC2ContainerServiceResponse.list_service_deployments = list_service_deployments
    EC2ContainerServiceResponse.describe_service_revisions = describe_service_revisions


def _rolling(service: Service, ran: list[dict[str, Any]]) -> Service:
    """Return a service as ECS answers the call that deploys: what is new begins, and what ran is drained afterwards.

    Whoever looks next sees it steady.
    """
    told = copy.copy(service)
    begun = {"runningCount": 0, "rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment in progress."}
    told.deployments = [
        *({**one, **begun} for one in service.deployments), *({**one, "status": "ACTIVE"} for one in ran)
    ]  # fmt: skip
    return told


def _activities() -> None:
    update, resize = AutoScalingBackend.update_auto_scaling_group, AutoScalingBackend.set_desired_capacity

    def update_auto_scaling_group(self: Any, name: str, **named: Any) -> Any:
        before = self.autoscaling_groups[name].desired_capacity if name in self.autoscaling_groups else None
        group = update(self, name, **named)
        bounds = f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"
        resized(group, before, f"a user request update of AutoScalingGroup constraints to {bounds}")
        return group

    def set_desired_capacity(self: Any, group_name: str, desired_capacity: int | None) -> None:
        before = self.autoscaling_groups[group_name].desired_capacity
        resize(self, group_name, desired_capacity)
        group = self.autoscaling_groups[group_name]
        resized(group, before, "a user request explicitly set group desired capacity")

    def describe_scaling_activities(self: Any) -> ActionResult:
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        return ActionResult({"Activities": list(reversed(activities(group)))})

    AutoScalingBackend.update_auto_scaling_group = update_auto_scaling_group
    AutoScalingBackend.set_desired_capacity = set_desired_capacity
    AutoScalingResponse.describe_scaling_activities = describe_scaling_activities


def activities(group: Any) -> list[dict[str, Any]]:
    """Return what an Auto Scaling group has done because its size was set, oldest first."""
    found: list[dict[str, Any]] = group.__dict__.setdefault("activities", [])
    return found


def resized(group: Any, before: int | None, cause: str) -> None:
    """Note why a group starts or ends instances, as Auto Scaling words it; nothing where its size is what it was."""
    after, done = group.desired_capacity, activities(group)
    if before in (None, after):
        return
    at = now()
    what, how = ("started", "increasing") if after > before else ("taken out of service", "shrinking")
    moment, change = at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"from {before} to {after}"
    done.append(
        {
            "ActivityId": f"00000000-0000-4000-b000-{len(done) + 1:012d}",
            "AutoScalingGroupName": group.name,
            "Cause": f"At {moment} {cause} changing the desired capacity {change}.  At {moment} an instance was {what} "
            f"in response to a difference between desired and actual capacity, {how} the capacity {change}.",
            "StartTime": at,
            "StatusCode": "Successful",
            "Progress": 100,
        }
    )


def history(service: Any) -> list[dict[str, Any]]:
    """Return a service's deployments as ListServiceDeployments has them, oldest first; each may be changed."""
    found: list[dict[str, Any]] = service.__dict__.setdefault("history", [])
    return found


def service(account: str, region: str, cluster: str, name: str) -> Any:
    """Return an ECS service of moto's, whose `history` tests and demonstrations may change."""
    return get_backend("ecs")[account][region]._get_service(cluster, name)


def deployed(service: Any, status: str = "SUCCESSFUL") -> None:
    """Note that what a service wants now was deployed, and with which result; it is steady at once."""
    past, now = history(service), utcnow()
    tail = f"{service.cluster_name}/{service.name}/{len(past) + 1:016d}"
    start = service.arn.split(":service/")[0]
    past.append(
        {
            "serviceDeploymentArn": f"{start}:service-deployment/{tail}",
            "serviceArn": service.arn,
            "clusterArn": service.cluster_arn,
            "createdAt": now,
            "status": status,
            "targetServiceRevisionArn": f"{start}:service-revision/{tail}",
            "taskDefinition": service.task_definition,
        }
    )
    service.running_count, service.pending_count = service.desired_count, 0
    for deployment in service.deployments:
        deployment |= {
            "id": f"ecs-svc/{len(past):016d}",
            "taskDefinition": service.task_definition,
            "runningCount": service.desired_count,
            "pendingCount": 0,
            "rolloutState": "COMPLETED",
            "rolloutStateReason": "ECS deployment completed.",
            "createdAt": now,
            "updatedAt": now,
        }
