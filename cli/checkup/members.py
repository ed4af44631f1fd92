"""Can Parapet work in the other accounts that the settings name?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chalicelib import registry
from chalicelib.model import AwsError
from chalicelib.settings import member_role
from cli.checkup.patient import Patient
from cli.checkup.verdict import Verdict, cannot_tell, ok, wrong

PARTS = ("OrganizationId", "ExternalId")


def members(patient: Patient) -> Verdict:
    """May the member accounts' roles be assumed?"""
    own = patient.caller.account
    named = replace(patient.settings.accounts, own=own)
    if not named.others:
        return ok("no other account is watched")
    missing = [name for name in PARTS if not patient.stack.parameter(name)]
    if missing:
        return wrong(
            f"parapet.accounts names others, but the stack's {' and '.join(missing)} is empty",
            f"{patient.deploy} with both, and the same external id for the members' StackSet",
        )
    from chalicelib import organisation  # botocore comes with it, which `--help` does not need

    accounts = sorted({*organisation.listed(patient.aws, named)} - {own})
    return judge({account: _refusal(patient, account) for account in accounts})


def _refusal(patient: Patient, account: str) -> AwsError | None:
    for service in registry.services():
        role = f"arn:{patient.stack.partition}:iam::{account}:role/{member_role(patient.stage, service)}"
        try:
            patient.aws(
                "sts", "assume_role", RoleArn=role, RoleSessionName="parapet-doctor",
                ExternalId=patient.stack.parameter("ExternalId"), DurationSeconds=900,
            )  # fmt: skip
        except AwsError as error:
            return error
    return None


def judge(refusals: Mapping[str, AwsError | None]) -> Verdict:
    """Judge by what STS answered for each account: None when all its roles could be assumed."""
    if other := [f"{account}: {error}" for account, error in refusals.items() if error and not error.denied]:
        return cannot_tell("; ".join(other), "ask again")
    if denied := [account for account, error in refusals.items() if error]:
        # STS says the same of a role that is not there and of one that trusts others, as these do: only our functions.
        return cannot_tell(
            f"you may not assume Parapet's roles in {', '.join(denied)}: only its own functions may",
            "`./parapet journal --status failed` shows what they could not do; see the StackSet's instances",
        )
    return ok(f"Parapet's roles in {', '.join(refusals) or 'no account'} can be assumed")
