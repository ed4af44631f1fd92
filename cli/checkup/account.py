"""Who examines, by which clock, in which region, under which settings."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from chalicelib import registry
from chalicelib.model import AwsError
from chalicelib.section import SettingsError
from chalicelib.settings import GLOBAL_REGION
from cli.checkup.patient import Patient
from cli.checkup.verdict import NOT_HERE, Verdict, cannot_tell, ok, wrong
from cli.errors import CREDENTIALS, NOT_ACCEPTED

SKEW, BROKEN = 60, 300
SKEWED = ("RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException")


def credentials(patient: Patient) -> Verdict:
    """Does AWS know who is asking?"""
    try:
        caller = patient.caller
    except AwsError as error:
        if error.code == "NoCredentials":
            return wrong("there are no AWS credentials", CREDENTIALS)
        if error.code in NOT_ACCEPTED:
            return wrong(f"AWS does not accept these credentials: {error.code}", CREDENTIALS)
        raise
    return ok(f"{caller.who} in {caller.account}")


def clock(patient: Patient) -> Verdict:
    """Does this machine's clock agree with AWS's?"""
    if patient.local:
        return NOT_HERE
    dates: list[str] = []

    def note(http_response: Any, **_: Any) -> None:
        dates.append(http_response.headers.get("date", ""))

    events = patient.where.connect("sts", patient.region).meta.events
    events.register("after-call.sts.GetCallerIdentity", note, unique_id="parapet-doctor")
    try:
        patient.aws("sts", "get_caller_identity")
    except AwsError as error:
        # Whoever is refused for a wrong clock is told the right time with the refusal.
        if error.code not in SKEWED:
            raise
    finally:
        events.unregister("after-call.sts.GetCallerIdentity", unique_id="parapet-doctor")
    if not dates or not dates[0]:
        return cannot_tell("AWS's answer carries no date")
    return judge_clock(patient.outside.now() - parsedate_to_datetime(dates[0]).timestamp())


def judge_clock(ahead: float) -> Verdict:
    """Judge by how many seconds this machine's clock is ahead of AWS's."""
    evidence = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} AWS's"
    if abs(ahead) <= SKEW:
        return ok(evidence)
    return wrong(evidence, f"set the clock (`timedatectl set-ntp true`): beyond {BROKEN} s AWS refuses every call")


def settings(patient: Patient) -> Verdict:
    """Is parapet.toml valid?"""
    try:
        given = patient.settings
    except SettingsError as error:
        return wrong(str(error), "mend that line of parapet.toml; `./parapet guardrails` shows what is in force")
    rails = registry.load()
    acting = sum(1 for rail in rails if given.acts(rail))
    return ok(f"{len(rails)} guardrails, {acting} of which may fix")


def regions(patient: Patient) -> Verdict:
    """Do the regions of this command, the stack and the settings agree?"""
    if patient.local:
        return NOT_HERE
    answer = patient.aws("ec2", "describe_regions")
    return judge_regions(patient.region, patient.watched, sorted(one["RegionName"] for one in answer["Regions"]))


def judge_regions(home: str, watched: Sequence[str], enabled: Sequence[str]) -> Verdict:
    """Judge the region that we run in and those watched, by those that the account has enabled."""
    lines = "set parapet.regions in parapet.toml, then `make deploy`"
    if unknown := [region for region in watched if region not in enabled]:
        return wrong(f"parapet.regions names {', '.join(unknown)}, which this account has not enabled", lines)
    needed = dict.fromkeys((home, GLOBAL_REGION))
    if missing := [region for region in needed if region not in watched]:
        why = "IAM and sign-in events" if GLOBAL_REGION in missing else "events of the region that Parapet runs in"
        return wrong(f"parapet.regions leaves {', '.join(missing)} out: {why} are ignored", lines)
    others = [region for region in enabled if region not in watched]
    if not others:
        return ok(f"{home}; every enabled region is watched")
    return ok(
        f"{home}; watched: {', '.join(watched)}; enabled but not watched: {', '.join(others)}",
        f"to watch these too, {lines}; or disable them in the account",
    )
