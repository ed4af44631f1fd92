"""The evidence in S3, and who may write to the journal that it is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chalicelib import evidence as days
from chalicelib.model import AwsError, ParapetError
from cli import verify
from cli.checkup.patient import Patient
from cli.checkup.stack import references
from cli.checkup.verdict import NOT_HERE, Verdict, ok, wrong
from deploy.resources import storage
from local.iam.intrinsics import resolve


def evidence(patient: Patient) -> Verdict:
    """Is the journal exported every day, to where nobody can delete it? `./parapet verify` reads what lies there."""
    if patient.local:
        return NOT_HERE
    archive = verify.archive_of(patient.outside)
    try:
        mode = archive.locked()
    except AwsError:
        raise
    except ParapetError as problem:
        return wrong(str(problem), f"{patient.deploy} with another EvidenceBucket, or without one")
    exported = [day for day, names in archive.days().items() if days.manifest_file(day) in names]
    return judge_days(exported, days.complete(patient.outside.now() - verify.LATE), f"s3://{archive.bucket} ({mode})")


def judge_days(exported: Sequence[str], due: str, where: str) -> Verdict:
    """Judge the days that have a manifest, by the last that must have one."""
    if exported and exported[-1] >= due:
        return ok(f"{len(exported)} days in {where}, the last {exported[-1]}")
    last = f"the last is {exported[-1]}" if exported else "there is none"
    return wrong(
        f"{where} has no evidence of {due}: {last}",
        "the log of parapet-…-evidence says why; it tries again every hour, and a new stage begins within one",
    )


def writers(patient: Patient) -> Verdict:
    """Who may write to the journal?"""
    if patient.local:
        return NOT_HERE
    known = references(patient.stack)
    arn = known["Journal.Arn"]
    absent = ("PolicyNotFoundException",)
    found = patient.aws("dynamodb", "get_resource_policy", absent=absent, ResourceArn=arn).get("Policy", "")
    wanted = resolve(storage.policy(), {"Operators": "", **known})
    return judge_writers(found, wanted, known.get("Operators", ""), patient.deploy)


def judge_writers(found: str, wanted: dict[str, Any], operators: str, deploy: str) -> Verdict:
    """Judge the policy of the journal's table (empty: none) by the one that is derived for it."""
    if not found:
        return wrong("the journal's table has no policy: whoever may write there commands Parapet", deploy)
    if _plain(json.loads(found)) != _plain(wanted):
        return wrong("the journal's table has another policy than is derived for it", f"{deploy} puts it back")
    if operators == "*":
        return ok(
            "Parapet's roles, and everybody in this account whom IAM lets",
            f"{deploy} PARAMETERS='Operators=arn:…' leaves it to those who operate Parapet",
        )
    return ok(f"Parapet's roles, and {', '.join(operators.split(','))}")


def _plain(value: Any) -> Any:
    """Return a policy with a list of one as that one, which is the same to IAM."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else sorted((_plain(one) for one in value), key=str)
    return value
