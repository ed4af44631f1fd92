"""What goes wrong in an account and in moto never does: failed checks, ill targets, deployments and their history."""

from __future__ import annotations

from typing import Any

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


def plug_in() -> None:
    """Have moto know of all this; whatever is not told to be ill is as well as before."""
    impaired.clear()
    unhealthy.clear()
    if hasattr(EC2ContainerServiceResponse, "list_service_deployments"):
        return
    _checks()
    _targets()
    _deployments()


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
        before = self._get_service(cluster, name.split("/")[-1]).task_definition
        forced = bool(properties.get("force_new_deployment"))
        service = update(self, properties)
        service.task_definition = self.describe_task_definition(service.task_definition).arn
        if forced or service.task_definition != before:
            deployed(service)
        return service

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
            "rolloutState": "COMPLETED",
            "createdAt": now,
            "updatedAt": now,
        }
