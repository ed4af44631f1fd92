"""An instance must answer metadata requests only when they carry a session token (IMDSv2).

Why: without tokens, a web application that can be talked into fetching a URL hands out the instance role's keys.
Fix: requires tokens; hop limit, tags and the rest of the metadata options stay.
Undo: makes tokens optional again.
Mode: an instance that required tokens until now loses nothing, and one that a person launched seconds ago has not
worked yet; the AWS SDKs, the CLI and cloud-init ask for a token first. What Auto Scaling or another service launches
is a copy of what works elsewhere and may need version 1: about that people are asked, as about every instance that
the sweep finds. The launch template is the place to mend it.
Controls: FSBP EC2.8; CIS 3.0 5.6
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Instance = Mapping[str, Any]
OVER = ("shutting-down", "terminated")


def read(aws: Aws, instance: str) -> Instance:
    """Return the instance; raises AwsError."""
    [reservation] = aws("ec2", "describe_instances", InstanceIds=[instance])["Reservations"]
    [found] = reservation["Instances"]
    return dict(found)


def subjects(aws: Aws) -> Iterable[str]:
    """Return the region's instances that answer without a token."""
    reservations = aws.all("ec2", "describe_instances", "Reservations")
    return [one["InstanceId"] for group in reservations for one in group["Instances"] if answers_anyone(one)]


def current(instance: Instance, _part: str) -> dict[str, Any]:
    """Return the options that fix and undo name."""
    options = instance.get("MetadataOptions") or {}
    return {name: options.get(name) for name in ("HttpTokens", "HttpEndpoint")}


def answers_anyone(instance: Instance) -> bool:
    """Whether an instance that is not over answers metadata requests without a token."""
    weak = current(instance, "") == {"HttpTokens": "optional", "HttpEndpoint": "enabled"}
    return weak and instance["State"]["Name"] not in OVER


def brought(instance: Instance, event: Event) -> bool:
    """Whether the event made tokens optional, or launched the instance so."""
    if event.name == "RunInstances":
        launched = (event.response.get("instancesSet") or {}).get("items") or []
        as_launched = {one.get("instanceId"): one.get("metadataOptions") or {} for one in launched}
        tokens = as_launched.get(instance["InstanceId"], {}).get("httpTokens")
        return bool(tokens != "required")
    asked = event.request.get("ModifyInstanceMetadataOptionsRequest") or {}
    return bool(asked.get("HttpTokens") == "optional")


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("ec2:RunInstances"): "responseElements.instancesSet.items[].instanceId",
        api_call("ec2:ModifyInstanceMetadataOptions"):
            "requestParameters.ModifyInstanceMetadataOptionsRequest.InstanceId",
    },
    needs={"ec2:DescribeInstances", "ec2:ModifyInstanceMetadataOptions"},
    read=read,
    subjects=subjects,
    current=current,
    tags=tags.known,
    gone={"InvalidInstanceID.NotFound"},
)  # fmt: skip
def check(instance: Instance, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy when the instance answers metadata requests without a token."""
    if answers_anyone(instance):
        name, before = instance["InstanceId"], current(instance, "")
        after = {**before, "HttpTokens": "required"}
        # AWS has refused `HttpTokens` without `HttpEndpoint` in the same call.
        yield Remedy(
            why=f"{name} answers metadata requests without a token (IMDSv1)",
            part="metadata options",
            fix=(call("ec2", "modify_instance_metadata_options", InstanceId=name, **after),),
            undo=(call("ec2", "modify_instance_metadata_options", InstanceId=name, **before),),
            before=before,
            after=after,
            brought=event is None or brought(instance, event),
            ask=event is not None and bool(event.detail["userIdentity"].get("invokedBy")),
        )
