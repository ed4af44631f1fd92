"""Requests that moto answers without carrying them out, put into the form that it does carry out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from local.trail.wire import Call

_OPERATION_TYPES = {"Add": "add", "Remove": "remove"}
_FLAT_NAMES = {"Group": "UserGroup", "UserId": "UserId"}


def bodies_for_moto(call: Call, parameters: Mapping[str, Any], body: bytes) -> list[bytes]:
    """Give the bodies to send to moto instead of this one; mostly this one alone."""
    permission = parameters.get("CreateVolumePermission")
    if (call.service, call.name) == ("ec2", "ModifySnapshotAttribute") and permission:
        return _snapshot_permission(permission, body)
    return [body]


def _snapshot_permission(permission: Mapping[str, Any], body: bytes) -> list[bytes]:
    # Moto reads only `OperationType` with `UserGroup.N` and `UserId.N`, one operation a request; the CLI,
    # Terraform and the consoles of this world send `CreateVolumePermission`.
    form = parse_qsl(body.decode(), keep_blank_values=True)
    rest = [(key, value) for key, value in form if not key.startswith("CreateVolumePermission.")]
    bodies = []
    for change, operation_type in _OPERATION_TYPES.items():
        entries = permission.get(change) or []
        flat = [
            (f"{flat_name}.{n}", value)
            for name, flat_name in _FLAT_NAMES.items()
            for n, value in enumerate((entry[name] for entry in entries if entry.get(name)), 1)
        ]
        if flat:
            bodies.append(urlencode([*rest, ("OperationType", operation_type), *flat]).encode())
    return bodies or [body]
