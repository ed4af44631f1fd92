"""The stack, its functions, and the rights of its roles: as deployed, and nobody has changed them since?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.settings import PREFIX
from cli.checkup.patient import NoStack, Patient, Stack
from cli.checkup.verdict import NOT_HERE, Verdict, cannot_tell, ok, wrong
from deploy import rights
from local.iam import CannotEvaluate
from local.iam.intrinsics import conditions, resolve

Policy = Mapping[str, Any]
Right = tuple[str, str, str, str]

ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{where}:table/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{where}:key/{name}",
    "AWS::Lambda::Function": "lambda:{where}:function:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SQS::Queue": "sqs:{where}:{name}",
}


def stack(patient: Patient) -> Verdict:
    """Is there a stack, and did its last deployment end well?"""
    try:
        found = patient.stack
    except NoStack as error:
        return wrong(
            str(error),
            f"{patient.deploy}, or set PARAPET_STAGE and AWS_REGION to where it is deployed",
        )
    return judge_stack(found.name, found.status, len(found.resources), patient.deploy)


def judge_stack(name: str, status: str, resources: int, deploy: str) -> Verdict:
    """Judge a stack by CloudFormation's word for its state."""
    if status.endswith("_IN_PROGRESS"):
        return cannot_tell(f"{name} is {status}: somebody deploys right now", "ask again when that is over")
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        return ok(f"{name} is {status}, {resources} resources")
    events = f"aws cloudformation describe-stack-events --stack-name {name} says why"
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return wrong(f"{name} is {status}: the last deployment failed, the one before runs", events)
    return wrong(f"{name} is {status}", f"{events}; then {deploy}")


def functions(patient: Patient) -> Verdict:
    """Does every function run, and all of them the same code?"""
    if patient.local:
        return NOT_HERE
    found: dict[str, Mapping[str, Any]] = {}
    for name in patient.stack.of("AWS::Lambda::Function").values():
        one = patient.aws(
            "lambda", "get_function_configuration", absent=("ResourceNotFoundException",), FunctionName=name
        )
        limit = patient.aws("lambda", "get_function_concurrency", FunctionName=name) if one else {}
        found[name] = {**one, **limit}
    return judge_functions(found, patient.deploy)


def judge_functions(found: Mapping[str, Mapping[str, Any]], deploy: str) -> Verdict:
    """Judge functions by their configuration (empty: gone), and the concurrency that is reserved for them."""
    if not found:
        return wrong("the stack has no functions", deploy)
    problems: list[str] = []
    for name, one in sorted(found.items()):
        if not one:
            problems.append(f"{name} is gone")
        # Lambda puts to sleep what has not run for weeks, and wakes it by itself.
        elif one.get("State", "Active") not in ("Active", "Inactive"):
            problems.append(f"{name} is {one['State']} ({one.get('StateReason', 'no reason given')})")
        elif one.get("LastUpdateStatus", "Successful") != "Successful":
            problems.append(f"{name}: last update {one['LastUpdateStatus']}")
        elif one.get("ReservedConcurrentExecutions") == 0:
            problems.append(f"{name} is throttled to nothing")
    codes = {one["CodeSha256"]: name for name, one in sorted(found.items()) if one}
    if len(codes) > 1:
        problems.append(f"{' and '.join(codes.values())} run different code")
    if problems:
        freed = "aws lambda delete-function-concurrency frees what is throttled; "
        return wrong("; ".join(problems), f"{freed if 'throttled' in str(problems) else ''}{deploy} mends the rest")
    runtimes = " and ".join(sorted({str(one.get("Runtime")) for one in found.values()}))
    return ok(f"all {len(found)} run the same code, {next(iter(codes))[:12]}, on {runtimes}")


def roles(patient: Patient) -> Verdict:
    """Has every role the rights that are derived for it, no more and no less, within its boundary?"""
    if patient.local:
        return NOT_HERE
    arn = f"arn:{patient.stack.partition}:iam::{patient.caller.account}:policy/{PREFIX}-{patient.stage}-boundary"
    known = references(patient.stack)
    problems: list[str] = []
    policies = rights.policies(patient.deployed_settings)
    for function, derived in sorted(policies.items()):
        name = patient.settings.role_name(function)
        try:
            wanted = resolve(derived, known)
        except CannotEvaluate as error:
            return cannot_tell(f"{name}: {error}", f"{patient.deploy}: this checkout needs what is not deployed")
        problems += [f"{name} {problem}" for problem in _problems(patient, name, wanted, arn)]
    if problems:
        return wrong(
            "; ".join(problems),
            f"{patient.deploy}; put back by hand what somebody changed by hand: CloudTrail knows who (PutRolePolicy, "
            "AttachRolePolicy), and CloudFormation's drift detection what",
        )
    return ok(f"all {len(policies)} have the rights that are derived for them, and the boundary")


def _problems(patient: Patient, name: str, wanted: Policy, boundary: str) -> Iterable[str]:
    role = patient.aws("iam", "get_role", absent=("NoSuchEntity",), RoleName=name).get("Role")
    if role is None:
        return ["does not exist"]
    names = patient.aws.all("iam", "list_role_policies", "PolicyNames", RoleName=name)
    there = [patient.aws("iam", "get_role_policy", RoleName=name, PolicyName=one)["PolicyDocument"] for one in names]
    attached = patient.aws.all("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return judge_role(
        there,
        wanted,
        [one["PolicyName"] for one in attached],
        role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        boundary,
    )


def judge_role(
    there: Sequence[Policy], wanted: Policy, attached: Sequence[str], boundary: str, wanted_boundary: str
) -> list[str]:
    """Return what is not as derived about a role.

    Args:
        there: its inline policies.
        wanted: the one that is derived for it.
        attached: the names of the managed policies attached to it.
        boundary: the ARN of its permissions boundary, if any.
        wanted_boundary: and what that must be.
    """
    have = {right for policy in there for right in _rights(policy)}
    want = set(_rights(wanted))
    return [
        *([f"may also {_shown(have - want)}"] if have - want else ()),
        *([f"lacks {_shown(want - have)}"] if want - have else ()),
        *([f"has {', '.join(sorted(attached))} attached"] if attached else ()),
        *([f"has {boundary or 'nothing'} as its boundary"] if boundary != wanted_boundary else ()),
    ]


def _rights(policy: Policy) -> Iterable[Right]:
    for one in _listed(policy["Statement"]):
        condition = json.dumps(one.get("Condition", {}), sort_keys=True)
        for kind in ("Action", "NotAction"):
            for action in _listed(one.get(kind, [])):
                for resource in _listed(one.get("Resource", one.get("NotResource", []))):
                    yield f"{one['Effect']} {kind}", str(action), str(resource), condition


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(found: Iterable[Right]) -> str:
    return ", ".join(sorted({f"{action} on {resource}" for _, action, resource, _ in found}))


def references(found: Stack) -> dict[str, str]:
    """Return what `Ref`, `Fn::GetAtt …Arn` and `Fn::Sub` in our policies stand for in a deployed stack."""
    _, partition, _, region, account, _ = found.arn.split(":", 5)
    known = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account}
    known |= {name: found.parameter(name) for name in (*found.template.get("Parameters", {}), *found.parameters)}
    for logical, (kind, name) in found.resources.items():
        known[logical] = name
        if kind in ARNS:
            # The physical id of a queue is its address, whose last part is its name.
            short = name.rsplit("/", 1)[-1]
            arn = ARNS[kind].format(where=f"{region}:{account}", account=account, name=short)
            known[f"{logical}.Arn"] = f"arn:{partition}:{arn}"
    return known | conditions(found.template, known)
