"""From a call as botocore makes it to what AWS would check before answering it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.iam import CannotEvaluate, intrinsics, resources
from local.iam.attached import Attached
from local.iam.conditions import Context, Value
from local.iam.operations import FREE, OPERATIONS, TAKEN_APART, Row
from local.iam.policy import Need
from local.iam.resources import Place

# One endpoint for all regions, which AWS says is here.
GLOBAL, GLOBAL_REGION = frozenset({"iam", "organizations"}), "us-east-1"
# The services whose IAM prefix is another.
PREFIXES = {"s3control": "s3"}
Params = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    """What a call does not tell by itself.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        tables: per DynamoDB table its partition key, under ``""``, and those of its indexes, by their names.
        organisations: per account its organisation's id and its path in it, or None where it is in none.
        encrypted: per topic, by ARN, the key of ours that encrypts what it carries.
        attached: per table, by ARN, the policy that is attached to it.
    """

    partition: str = "aws"
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    organisations: Mapping[str, tuple[str, str] | None] = field(default_factory=dict)
    encrypted: Mapping[str, str] = field(default_factory=dict)
    attached: Mapping[str, Attached] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call of an API operation, written as botocore names service and operation."""

    service: str
    operation: str
    params: Params
    place: Place

    @property
    def name(self) -> str:
        """The service and operation in one."""
        return f"{self.service}:{self.operation}"


def tables(template: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the partition keys of a template's tables and their indexes, as `World` wants them."""
    found: dict[str, dict[str, str]] = {}
    for logical, one in template["Resources"].items():
        if one.get("Type") == "AWS::DynamoDB::Table" and logical in known:
            whole = [{"IndexName": "", **one["Properties"]}, *one["Properties"].get("GlobalSecondaryIndexes", [])]
            found[known[logical]] = {
                each["IndexName"]: key["AttributeName"]
                for each in whole
                for key in each["KeySchema"]
                if key["KeyType"] == "HASH"
            }
    return found


def encrypted(template: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a template's topics, as `World` wants them; raises CannotEvaluate."""
    return {
        known[logical]: str(intrinsics.resolve(one["Properties"]["KmsMasterKeyId"], known))
        for logical, one in template["Resources"].items()
        if one.get("Type") == "AWS::SNS::Topic" and "KmsMasterKeyId" in one["Properties"]
    }


def attached(template: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Attached]:
    """Return the policies of a template's tables, as `World` wants them; raises CannotEvaluate."""
    return {
        known[f"{logical}.Arn"]: Attached(known[f"{logical}.Arn"], one["Properties"]["ResourcePolicy"], known)
        for logical, one in template["Resources"].items()
        if one.get("Type") == "AWS::DynamoDB::Table" and "ResourcePolicy" in one["Properties"]
    }


def needs(call: Call, world: World) -> list[Need]:
    """Return what AWS would check for a call; raises CannotEvaluate when that is not known."""
    if call.name in TAKEN_APART:
        taken = _dynamodb(call, world) if call.service == "dynamodb" else _events(call)
        return list(taken)
    if call.name in FREE:
        return []
    row = OPERATIONS.get(call.name)
    if row is None:
        raise CannotEvaluate(f"which rights {call.name} needs is not known: add a row to local/iam/operations.py")
    own = _simple(call, row)
    key = world.encrypted.get(own.resources[0]) if call.name == "sns:Publish" else None
    return [own, *(_through(call, key) if key else ())]


def _through(call: Call, key: str) -> Iterator[Need]:
    """Yield what a service does with a key in its caller's name: a new data key, or one that it has still at hand."""
    keys: dict[str, Value] = {"kms:viaservice": f"{call.service}.{call.place.region}.amazonaws.com"}
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        yield Need(action, (key,), keys)


def _simple(call: Call, row: Row) -> Need:
    for name in row.unmapped:
        if call.params.get(name) is not None:
            raise CannotEvaluate(f"{call.name} with {name} needs more rights than are known here")
    prefix = PREFIXES.get(call.service, call.service)
    found: list[str] = []
    for kind, parameter in row.on.items():
        if parameter == "*":
            found.append(resources.every(f"{prefix}:{kind}", call.place))
            continue
        given = _given(call.params, parameter.removesuffix("?"))
        if given is not None:
            each = given if isinstance(given, list) else [given]
            found += [arn for one in each for arn in resources.named(f"{prefix}:{kind}", str(one), call.place)]
        elif parameter.endswith("?"):
            found.append(resources.every(f"{prefix}:{kind}", call.place))
        else:
            raise CannotEvaluate(f"{call.name} without {parameter} does not say what it is about")
    keys = {key.lower(): _shown(call.params.get(parameter)) for key, parameter in row.keys.items()}
    if prefix == "ec2":
        keys["ec2:region"] = call.place.region
    if prefix == "kms":
        keys["kms:viaservice"] = None
    return Need(row.action or call.name, tuple(found) or ("*",), keys)


def _given(params: Params, names: str) -> Any:
    """Return what a call gives for a parameter, or for two of them (`Bucket/Key`); None without one of them."""
    values = [params.get(name) for name in names.split("/")]
    if len(values) == 1:
        return values[0]
    if None in values:
        return None
    *first, last = values
    given = ["/".join((*map(str, first), str(one))) for one in (last if isinstance(last, list) else [last])]
    return given if isinstance(last, list) else given[0]


def _shown(value: Any) -> Value:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


# DynamoDB: every item and every table for itself


def _dynamodb(call: Call, world: World) -> Iterator[Need]:
    name, params = call.operation, call.params
    if name in ("TransactWriteItems", "TransactGetItems"):
        for entry in params["TransactItems"]:
            ((kind, one),) = entry.items()
            action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
            yield _item(call, world, action, one["TableName"], [_key(one)], name)
    elif name == "BatchGetItem":
        for table, asked in params["RequestItems"].items():
            yield _item(call, world, name, table, asked["Keys"])
    elif name == "BatchWriteItem":
        for table, writes in params["RequestItems"].items():
            keys = [one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"] for one in writes]
            yield _item(call, world, name, table, keys)
    elif name in ("Query", "Scan"):
        yield _search(call, world)
    else:
        yield _item(call, world, name, params["TableName"], [_key(params)])


def _item(
    call: Call, world: World, action: str, table: str, keys: Sequence[Mapping[str, Any]], enclosing: str | None = None
) -> Need:
    context: dict[str, Value] = {"dynamodb:enclosingoperation": enclosing}
    key = world.tables.get(_bare(table), {}).get("")
    if key:
        context["dynamodb:leadingkeys"] = tuple(str(next(iter(one[key].values()))) for one in keys)
    return Need(f"dynamodb:{action}", resources.named("dynamodb:table", table, call.place), context)


def _search(call: Call, world: World) -> Need:
    params = call.params
    table, index = params["TableName"], params.get("IndexName") or ""
    (arn,) = resources.named("dynamodb:table", table, call.place)
    key = world.tables.get(_bare(table), {}).get(index)
    context: dict[str, Value] = {"dynamodb:enclosingoperation": None}
    if key:
        context["dynamodb:leadingkeys"] = (_asked(params, key),) if call.operation == "Query" else ()
    return Need(f"dynamodb:{call.operation}", (f"{arn}/index/{index}" if index else arn,), context)


def _asked(params: Params, key: str) -> str:
    """Return the partition that a query asks for; raises CannotEvaluate when its condition cannot be read."""
    aliases, values = params.get("ExpressionAttributeNames") or {}, params.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"([#\w.]+)\s*=\s*(:\w+)", params.get("KeyConditionExpression") or ""):
        if aliases.get(name, name) == key:
            return str(next(iter(values[value].values())))
    raise CannotEvaluate(f"which partition the query {params.get('KeyConditionExpression')!r} asks for is not known")


def _key(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one["Key"] if "Key" in one else one["Item"]
    return found


def _bare(table: str) -> str:
    return table.rsplit("/", 1)[-1]


def _events(call: Call) -> Iterator[Need]:
    for entry in call.params["Entries"]:
        bus = resources.named("events:event-bus", entry.get("EventBusName") or "default", call.place)
        keys = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        yield Need("events:PutEvents", bus, keys)


# Keys that every request has


def common(caller: str, role: str, place: Place, world: World) -> dict[str, Value]:
    """Return the global condition keys of a role's calls; what nobody told is not among them."""
    found: dict[str, Value] = {
        "aws:principalaccount": caller,
        "aws:principalarn": role,
        "aws:principaltype": "AssumedRole",
        "aws:principalisawsservice": "false",
        "aws:requestedregion": place.region,
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
    }
    return found | _organisation("principal", caller, world)


def about(arn: str, caller: str, world: World) -> Context:
    """Return the global condition keys about a resource."""
    account = resources.account_of(arn, caller)
    # A policy that AWS manages belongs to no account that could be named.
    return {} if account == "aws" else {"aws:resourceaccount": account, **_organisation("resource", account, world)}


def _organisation(of: str, account: str, world: World) -> dict[str, Value]:
    if account not in world.organisations:
        return {}
    number, path = world.organisations[account] or (None, None)
    return {f"aws:{of}orgid": number, f"aws:{of}orgpaths": (path,) if path else ()}
