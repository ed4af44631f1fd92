"""CloudFormation's intrinsic functions in policies, resolved: what `Ref`, `Fn::GetAtt` and `Fn::Sub` stand for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.iam import CannotEvaluate

# What a template's references mean: `Stage`, `AWS::Region`, `Journal`, `Journal.Arn`; `Conditions.X` is true or false.
Known = Mapping[str, str]

CONDITION = "Conditions."
_REFERENCE = re.compile(r"\$\{(!?)([^}]*)\}")


def resolve(value: Any, known: Known) -> Any:
    """Return a part of a template with its intrinsic functions resolved; raises CannotEvaluate for others."""
    if isinstance(value, list):
        return [resolve(one, known) for one in value]
    if not isinstance(value, Mapping):
        return value
    functions = [key for key in value if key == "Ref" or key.startswith("Fn::")]
    if not functions:
        return {key: resolve(one, known) for key, one in value.items()}
    if len(value) == 1:
        ((name, given),) = value.items()
        if name == "Ref" and isinstance(given, str):
            return _meaning(given, known)
        if name == "Fn::GetAtt" and isinstance(given, list) and len(given) == 2:
            return _meaning(".".join(given), known)
        if name == "Fn::Sub" and isinstance(given, str):
            return _REFERENCE.sub(lambda found: _substituted(found, known), given)
        if name == "Fn::If" and isinstance(given, list) and len(given) == 3:
            return resolve(given[1 if _meaning(f"{CONDITION}{given[0]}", known) == "true" else 2], known)
        if name == "Fn::Split" and isinstance(given, list) and len(given) == 2:
            return str(resolve(given[1], known)).split(given[0])
    raise CannotEvaluate(f"{functions[0]} in this form is not known: {value}")


def _meaning(reference: str, known: Known) -> str:
    if reference not in known:
        raise CannotEvaluate(f"nobody said what {reference} refers to")
    return known[reference]


def _substituted(found: re.Match[str], known: Known) -> str:
    # `${!name}` is CloudFormation's way to write `${name}` itself.
    return f"${{{found[2]}}}" if found[1] else _meaning(found[2], known)


def stack(template: Mapping[str, Any], known: Known) -> dict[str, str]:
    """Return what a template's own parameters and resources are called, beside what is known already.

    A resource is among them if the template sets its name, or its physical id is known: nobody can tell the name that
    CloudFormation will give.

    Args:
        template: with `Parameters` and `Resources`, such as `.chalice/resources.json`.
        known: the pseudo parameters (`AWS::Partition`, `AWS::Region`, `AWS::AccountId`), parameters, physical ids.
    """
    parameters = {name: str(one["Default"]) for name, one in template.get("Parameters", {}).items() if "Default" in one}
    found = {**parameters, **known}
    found |= conditions(template, found)
    values = {"partition": found["AWS::Partition"], "region": found["AWS::Region"], "account": found["AWS::AccountId"]}
    for logical, one in template["Resources"].items():
        naming, properties = _NAMED.get(one.get("Type")), one.get("Properties", {})
        if naming is None or not (logical in known or naming.name in properties):
            continue
        if logical in known:
            name = re.split("[/:]", known[logical])[-1]
        else:
            name = str(resolve(properties[naming.name], found))
            found[logical] = naming.ref.format(name=name, **values)
        if naming.arn:
            found[f"{logical}.Arn"] = naming.arn.format(name=name, **values)
    return found


def conditions(template: Mapping[str, Any], known: Known) -> dict[str, str]:
    """Return which of a template's conditions hold, as `Known` has it; one that cannot be told is left out."""
    declared, found = template.get("Conditions", {}), {}
    for name, given in declared.items():
        with contextlib.suppress(CannotEvaluate):
            found[f"{CONDITION}{name}"] = str(holds(given, declared, known)).lower()
    return found


def holds(given: Any, declared: Mapping[str, Any], known: Known) -> bool:
    """Whether a condition holds; raises CannotEvaluate for one that is made of anything else than ours are.

    Args:
        given: the condition.
        declared: all conditions of the template.
        known: the parameters by their names.
    """
    match given:
        case {"Fn::Not": [inner]}:
            return not holds(inner, declared, known)
        case {"Condition": str(name)} if name in declared:
            return holds(declared[name], declared, known)
        case {"Fn::Equals": [{"Ref": str(name)}, str(wanted)]} if name in known:
            return known[name] == wanted
    raise CannotEvaluate(f"the condition {given} is not known")


@dataclass(frozen=True)
class _Naming:
    """How a kind of resource is named: the property, what `Ref` returns, what its attribute `Arn` returns."""

    name: str
    ref: str
    arn: str = ""


_NAMED = {
    "AWS::DynamoDB::Table": _Naming("TableName", "{name}", "arn:{partition}:dynamodb:{region}:{account}:table/{name}"),
    "AWS::Events::Rule": _Naming("Name", "{name}", "arn:{partition}:events:{region}:{account}:rule/{name}"),
    "AWS::IAM::ManagedPolicy": _Naming("ManagedPolicyName", "arn:{partition}:iam::{account}:policy/{name}"),
    "AWS::IAM::Role": _Naming("RoleName", "{name}", "arn:{partition}:iam::{account}:role/{name}"),
    "AWS::KMS::Key": _Naming("", "{name}", "arn:{partition}:kms:{region}:{account}:key/{name}"),
    "AWS::S3::Bucket": _Naming("BucketName", "{name}", "arn:{partition}:s3:::{name}"),
    # Six characters of the end are Secrets Manager's own.
    "AWS::SecretsManager::Secret": _Naming(
        "Name", "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-aBcDeF"
    ),
    "AWS::SNS::Topic": _Naming("TopicName", "arn:{partition}:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": _Naming(
        "QueueName",
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "arn:{partition}:sqs:{region}:{account}:{name}",
    ),
    "AWS::SSM::Parameter": _Naming("Name", "{name}"),
}
