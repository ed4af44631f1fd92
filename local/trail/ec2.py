"""EC2's own spelling in CloudTrail: `{"items": [...]}`, the older set names, the newer wrapped requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local.trail.casing import epoch_milliseconds, lowered

XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"

# The newer calls: CloudTrail keeps them as parsed XML, under `<Operation>Request` with a `tag` per list item.
_WRAPPED_VERBS_ON = {
    "CarrierGateway": ["Create", "Delete", "Describe"],
    "ClientVpnEndpoint": ["Create", "Delete", "Modify"],
    "EbsDefaultKmsKeyId": ["Get", "Modify", "Reset"],
    "EbsEncryptionByDefault": ["Disable", "Enable", "Get"],
    "FastSnapshotRestores": ["Describe", "Disable", "Enable"],
    "FlowLogs": ["Create", "Delete", "Describe"],
    "IamInstanceProfile": ["Associate", "Disassociate"],
    "IamInstanceProfileAssociation": ["Replace"],
    "IamInstanceProfileAssociations": ["Describe"],
    "ImageBlockPublicAccess": ["Disable", "Enable"],
    "ImageBlockPublicAccessState": ["Get"],
    "InstanceMetadataDefaults": ["Get", "Modify"],
    "InstanceMetadataOptions": ["Modify"],
    "LaunchTemplate": ["Create", "Delete", "Modify"],
    "LaunchTemplateVersion": ["Create"],
    "LaunchTemplateVersions": ["Delete", "Describe"],
    "LaunchTemplates": ["Describe"],
    "ManagedPrefixList": ["Create", "Delete", "Modify"],
    "NatGateway": ["Create", "Delete"],
    "NatGateways": ["Describe"],
    "SecurityGroupRules": ["Describe", "Modify"],
    "SerialConsoleAccess": ["Disable", "Enable"],
    "SerialConsoleAccessStatus": ["Get"],
    "SnapshotBlockPublicAccess": ["Disable", "Enable"],
    "SnapshotBlockPublicAccessState": ["Get"],
    "Snapshots": ["Create"],
    "TransitGateway": ["Create", "Delete", "Modify"],
    "TransitGatewayVpcAttachment": ["Create", "Delete", "Modify"],
    "Volume": ["Modify"],
    "VpcBlockPublicAccessOptions": ["Modify"],
    "VpcEndpoint": ["Create", "Modify"],
    "VpcEndpointServiceConfiguration": ["Create", "Modify"],
    "VpcEndpointServicePermissions": ["Describe", "Modify"],
    "VpcEndpoints": ["Delete", "Describe"],
}
WRAPPED = frozenset(verb + noun for noun, verbs in _WRAPPED_VERBS_ON.items() for verb in verbs) - {
    "CreateVolume", "DescribeSnapshots",
}  # fmt: skip
_WRAPPED_REQUEST_NAMES = {"DeleteTransitGatewayVpcAttachment": "DelTGwVpcAttachReq"}

# Lists of the older calls whose names in CloudTrail no model knows: member -> (set name, name in the item).
_SETS = {
    "BlockDeviceMappings": ("blockDeviceMapping", ""),
    "ExecutableUsers": ("executableBySet", "user"),
    "Filters": ("filterSet", ""),
    "GroupIds": ("securityGroupIdSet", "groupId"),
    "GroupNames": ("securityGroupSet", "groupName"),
    "Groups": ("groupSet", "groupId"),
    "ImageIds": ("imagesSet", "imageId"),
    "InstanceIds": ("instancesSet", "instanceId"),
    "NetworkInterfaces": ("networkInterfaceSet", ""),
    "Owners": ("ownersSet", "owner"),
    "Resources": ("resourcesSet", "resourceId"),
    "SecurityGroupIds": ("groupSet", "groupId"),
    "SecurityGroupRuleIds": ("securityGroupRuleIds", "securityGroupRuleId"),
    "SnapshotIds": ("snapshotSet", "snapshotId"),
    "SubnetIds": ("subnetSet", "subnetId"),
    "TagSpecifications": ("tagSpecificationSet", ""),
    "Tags": ("tagSet", ""),
    "VolumeIds": ("volumeSet", "volumeId"),
    "VpcIds": ("vpcSet", "vpcId"),
}
_RULE_CALLS = frozenset(
    verb + direction
    for verb in ("AuthorizeSecurityGroup", "RevokeSecurityGroup", "UpdateSecurityGroupRuleDescriptions")
    for direction in ("Ingress", "Egress")
)
_ALSO_RETURN = frozenset({"CreateSecurityGroup"})
_ZONED = frozenset({"CreateVolume"})


def parameters(operation: Any, parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Spell the parameters of an EC2 request."""
    name, shape = operation.name, operation.input_shape
    if name in WRAPPED:
        body = _wrapped(shape, parsed, request=True) if shape else ""
        return {_WRAPPED_REQUEST_NAMES.get(name, f"{name}Request"): body or ""}
    if shape is None:
        return {}
    spelled: dict[str, Any] = _classic(shape, parsed, request=True)
    if name in _RULE_CALLS:
        _add_empty_permissions(spelled)
    elif name == "ModifySnapshotAttribute":
        _add_permission_changes(spelled, parsed, "createVolumePermission", "GroupNames")
        spelled["attributeType"] = "CREATE_VOLUME_PERMISSION"
    elif name == "ModifyImageAttribute":
        _add_permission_changes(spelled, parsed, "launchPermission", "UserGroups")
        kind = "launchPermission" if "launchPermission" in spelled else parsed.get("Attribute")
        spelled |= {"attributeType": kind} if kind else {}
    elif name == "RunInstances":
        launch = ("imageId", "minCount", "maxCount", "keyName")
        spelled["instancesSet"] = {"items": [{k: spelled.pop(k) for k in launch if k in spelled}]}
        defaults = {"blockDeviceMapping": {}, "disableApiStop": False, "disableApiTermination": False}
        spelled = {**defaults, "monitoring": {"enabled": False}, **spelled}
    return _zoned(name, spelled)


def elements(operation: Any, parsed: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """Spell the answer of an EC2 write."""
    name, shape = operation.name, operation.output_shape
    if name in WRAPPED:
        body = _wrapped(shape, parsed, request=False) if shape else {}
        return {f"{name}Response": {"xmlns": XMLNS, "requestId": request_id, **(body or {})}}
    returns = shape is None or "Return" in shape.members or name in _ALSO_RETURN
    spelled: dict[str, Any] = _classic(shape, parsed, request=False) if shape else {}
    spelled.pop("return", None)
    return _zoned(name, {**spelled, "requestId": request_id} | ({"_return": True} if returns else {}))


def _classic(shape: Any, value: Any, *, request: bool) -> Any:
    kind = shape.type_name
    if kind == "structure":
        spelled: dict[str, Any] = {}
        for name, member in shape.members.items():
            if value.get(name) is None or (member.type_name == "blob" and name != "UserData"):
                continue
            own = lowered(member.serialization.get("name", name))
            if member.type_name == "list" and request:
                key, item = _set_names(name, own)
                spelled[key] = _items(member, value[name], item)
            else:
                spelled[own] = _classic(member, value[name], request=request)
        return spelled
    if kind == "list":
        items = [_classic(shape.member, item, request=request) for item in value]
        return {"items": items} if items else {}
    if kind == "timestamp" and isinstance(value, datetime):
        return epoch_milliseconds(value)
    return value


def _set_names(member: str, own: str) -> tuple[str, str]:
    if member in _SETS:
        return _SETS[member]
    # A model that names the list by its item (`UserId` for `UserIds`) tells what an item is called.
    return (lowered(member), own) if member == own[:1].upper() + own[1:] + "s" else (own, "")


def _items(shape: Any, values: list[Any], item_name: str) -> dict[str, Any]:
    if not values:
        return {}
    if shape.member.name == "Filter":
        return {"items": [_filter(f) for f in values]}
    if shape.member.name == "TagSpecification":
        return {"items": [_tag_specification(s) for s in values]}
    items = [_classic(shape.member, value, request=True) for value in values]
    if item_name and shape.member.type_name != "structure":
        return {"items": [{item_name: item} for item in items]}
    return {"items": items}


def _filter(given: Mapping[str, Any]) -> dict[str, Any]:
    values = [{"value": value} for value in given.get("Values") or []]
    return {"name": given.get("Name"), "valueSet": {"items": values}}


def _tag_specification(given: Mapping[str, Any]) -> dict[str, Any]:
    tags = [{lowered(k): v for k, v in tag.items()} for tag in given.get("Tags") or []]
    return {"resourceType": given.get("ResourceType"), "tags": tags}


def _add_empty_permissions(spelled: dict[str, Any]) -> None:
    permissions = spelled.setdefault("ipPermissions", {})
    for permission in permissions.get("items", []):
        for key in ("groups", "ipRanges", "ipv6Ranges", "prefixListIds"):
            permission.setdefault(key, {})


def _add_permission_changes(spelled: dict[str, Any], parsed: Mapping[str, Any], permission: str, groups: str) -> None:
    """Write the older flat form (`OperationType`, `UserId.N`) as CloudTrail writes both: by who was added."""
    given = {"group": parsed.get(groups) or [], "userId": parsed.get("UserIds") or []}
    for key in ("attribute", "operationType", "userIds", "userGroups", "securityGroupSet"):
        spelled.pop(key, None)
    who = [{key: value} for key, values in given.items() for value in values]
    if who and parsed.get("OperationType") in {"add", "remove"}:
        change = spelled.setdefault(permission, {}).setdefault(parsed["OperationType"], {"items": []})
        change["items"] += who


def _wrapped(shape: Any, value: Any, *, request: bool) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return {
            _wire_name(name, member, request): _wrapped(member, value[name], request=request)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if kind == "list":
        items = [_wrapped(shape.member, item, request=request) for item in value]
        if not request:
            return {"item": items[0] if len(items) == 1 else items} if items else ""
        tagged = [
            {**(item if isinstance(item, dict) else {"content": item}), "tag": n} for n, item in enumerate(items, 1)
        ]
        return tagged[0] if len(tagged) == 1 else tagged
    if kind == "timestamp" and isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
    return value


def _wire_name(name: str, member: Any, request: bool) -> str:
    own: str = member.serialization.get("queryName") or member.serialization.get("name", name)
    return own[:1].upper() + own[1:] if request else lowered(member.serialization.get("name", name))


def _zoned(name: str, spelled: dict[str, Any]) -> dict[str, Any]:
    if name in _ZONED and "availabilityZone" in spelled:
        spelled["zone"] = spelled.pop("availabilityZone")
    return spelled
