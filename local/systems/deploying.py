"""How bob deploys a system: calls over the wire under his key, so that CloudTrail has them and the account changes.

What is deployed then, by whoever, is what runs.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

Client = Callable[[str], Any]
FUNCTIONS = {"intake": "intake-parse", "images": "images-resize", "saas": "saas-api"}


def deploy(client: Client, system: str, release: str) -> str:
    """Deploy a release of a system, whatever it runs on, and say which call that was."""
    if name := FUNCTIONS.get(system):
        client("lambda").update_function_code(FunctionName=name, ZipFile=packed(f"RELEASE = {release!r}\n"))
        return f"UpdateFunctionCode of {name}"
    if system == "platform":
        ecs = client("ecs")
        task = ecs.describe_task_definition(taskDefinition="platform-web")["taskDefinition"]
        container = {**task["containerDefinitions"][0], "image": f"platform-web:{release}"}
        revision = ecs.register_task_definition(
            family="platform-web", containerDefinitions=[container], requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc", cpu="512", memory="1024",
        )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
        ecs.update_service(cluster="platform", service="platform-web", taskDefinition=revision)
        return "UpdateService of platform-web"
    ec2, name = client("ec2"), "shop-web"
    made = ec2.create_launch_template_version(
        LaunchTemplateName=name, SourceVersion="1", VersionDescription=release, LaunchTemplateData={}
    )["LaunchTemplateVersion"]  # fmt: skip
    client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateId": made["LaunchTemplateId"], "Version": str(made["VersionNumber"])},
    )
    return "UpdateAutoScalingGroup of shop-web"


def deployed(client: Client, system: str) -> str:
    """Return what a system runs now, something of its own for each release; nothing where somebody has deleted it."""
    if name := FUNCTIONS.get(system):
        functions = client("lambda").list_functions()["Functions"]
        found = [one["CodeSha256"] for one in functions if one["FunctionName"] == name]
    elif system == "platform":
        services = client("ecs").describe_services(cluster="platform", services=["platform-web"])["services"]
        found = [one["taskDefinition"] for one in services]
    else:
        groups = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["shop-web"])
        found = [one.get("LaunchTemplate", {}).get("Version", "") for one in groups["AutoScalingGroups"]]
    return str(found[0]) if found else ""


def packed(code: str) -> bytes:
    """Return what Lambda takes as a function's code: a module `main` in an archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("main.py", code)
    return archive.getvalue()
