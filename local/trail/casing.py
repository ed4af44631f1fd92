"""Parsed requests and answers in CloudTrail's own spelling, for every service without rules of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
REMOVED = "<sensitiveDataRemoved>"

_SECRET_KEYS = frozenset({
    "authtoken", "clientsecret", "masteruserpassword", "newpassword", "oldpassword", "password",
    "proposedpassword", "secretaccesskey", "secretstring", "sessiontoken", "tdecredentialpassword",
    "temporarypassword", "userpassword",
})  # fmt: skip
_REMOVED_KEYS = frozenset({"userdata", "keymaterial"})

# Where a real record carries less than the wire: the value is hidden, emptied, or absent altogether.
_HIDDEN_IN = {
    ("ssm", "PutParameter"): frozenset({"value"}),
    ("ssm", "SendCommand"): frozenset({"parameters"}),
}
_ABSENT_IN = {
    ("iam", "ChangePassword"): frozenset({"oldpassword", "newpassword"}),
    ("iam", "CreateAccessKey"): frozenset({"secretaccesskey"}),
    ("iam", "CreateLoginProfile"): frozenset({"password"}),
    ("iam", "UpdateLoginProfile"): frozenset({"password"}),
}
_ABSENT_FROM = {"sts": frozenset({"secretaccesskey"})}
_EMPTIED_FROM = {"lambda": frozenset({"environment"})}

# These services' Java API returns the resource itself, and CloudTrail logs what it returned.
_UNWRAPPED_SERVICES = frozenset({"docdb", "elasticache", "neptune", "rds", "redshift"})

Moment = Callable[[datetime], Any]


def lowered(name: str) -> str:
    """Lower the first letter only: `DBInstanceIdentifier` becomes `dBInstanceIdentifier`."""
    return name[:1].lower() + name[1:]


def moment_for(protocol: str) -> Moment:
    """Give the way in which CloudTrail writes times for services of this protocol."""
    comma = "" if protocol in {"query", "rest-xml"} else ","
    return lambda t: f"{t:%b} {t.day}, {t.year}{comma} {t.hour % 12 or 12}:{t:%M:%S %p}"


def epoch_milliseconds(t: datetime) -> int:
    """Write a time as the classic EC2 calls do."""
    return int(_utc(t).timestamp() * 1000)


def _utc(t: datetime) -> datetime:
    return t.astimezone(UTC) if t.tzinfo else t.replace(tzinfo=UTC)


def cased(shape: Any, value: Any, moment: Moment) -> Any:
    """Spell a parsed value as CloudTrail does; binary members stay out, as in real records."""
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type or not isinstance(value, Mapping):
            return value
        return {
            lowered(name): cased(member, value[name], moment)
            for name, member in shape.members.items()
            if value.get(name) is not None and _is_recorded(member, value[name])
        }
    if kind == "list":
        return [cased(shape.member, item, moment) for item in value]
    if kind == "map":
        return {key: cased(shape.value, item, moment) for key, item in value.items()}
    if kind == "timestamp" and isinstance(value, datetime):
        return moment(_utc(value))
    return value


def _is_recorded(member: Any, value: Any) -> bool:
    location = member.serialization.get("location")
    absent_query_list = location == "querystring" and value == []
    return member.type_name != "blob" and location != "statusCode" and not absent_query_list


def parameters(operation: Any, parsed: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    """Spell the parameters of a request."""
    return cased(operation.input_shape, parsed, moment) if operation.input_shape else {}


def api_gateway_parameters(operation: Any, parsed: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    """Spell API Gateway's parameters: the body sits under `createStageInput` and the like."""
    spelled = parameters(operation, parsed, moment)
    members = operation.input_shape.members if operation.input_shape else {}
    body_keys = [lowered(n) for n, m in members.items() if not m.serialization.get("location")]
    body = {key: spelled.pop(key) for key in body_keys if key in spelled}
    wrapped = {lowered(operation.name) + "Input": body} if body_keys else {}
    return {**spelled, **wrapped, "template": False}


def elements(service: str, operation: Any, parsed: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    """Spell the answer of a write."""
    shape = operation.output_shape
    if shape is None:
        return {}
    if service in _UNWRAPPED_SERVICES and len(shape.members) == 1:
        name, member = next(iter(shape.members.items()))
        if member.type_name == "structure":
            shape, parsed = member, parsed.get(name) or {}
    spelled: dict[str, Any] = cased(shape, parsed, moment)
    return spelled


def without_secrets(service: str, operation: str, value: Any) -> Any:
    """Take out what CloudTrail never shows, at any depth."""
    hidden = _SECRET_KEYS | _HIDDEN_IN.get((service, operation), frozenset())
    absent = _ABSENT_FROM.get(service, frozenset()) | _ABSENT_IN.get((service, operation), frozenset())
    emptied = _EMPTIED_FROM.get(service, frozenset())

    def clean(node: Any) -> Any:
        if isinstance(node, list):
            return [clean(item) for item in node]
        if not isinstance(node, dict):
            return node
        kept: dict[str, Any] = {}
        for key, item in node.items():
            plain = key.lower()
            if plain in absent:
                continue
            if plain in emptied:
                kept[key] = {}
            elif plain in hidden:
                kept[key] = HIDDEN
            elif plain in _REMOVED_KEYS:
                kept[key] = REMOVED
            else:
                kept[key] = clean(item)
        return kept

    return clean(value)
