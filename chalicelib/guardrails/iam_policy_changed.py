"""Of a policy, the version must count that counted before somebody changed that, where a person takes that back.

Why: what was denied, or allowed, a moment ago is most often what a policy's new version says, for all who have it.
Fix: makes the version the default again that was it before; no version is written or deleted. It is offered only where
the change ledger has the call before and Parapet itself has not changed it in between, or where a second version was
made and only the first was there; as long as that version is there and the policy stands as the call left it. Never
to one that allows every action, or all but some.
Undo: makes the newer version the default again.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: the older version may allow what somebody meant to end.
Anew: none
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reverts, tags
from chalicelib.model import Aws, Call, Event, Remedy, call
from chalicelib.registry import guardrail, taken_back

Policy = Mapping[str, Any]
PART = "default version"


def read(aws: Aws, arn: str) -> Policy:
    """Return the policy, with what its versions say beside the default; raises AwsError."""
    policy = aws("iam", "get_policy", PolicyArn=arn)["Policy"]
    others = [
        aws("iam", "get_policy_version", PolicyArn=arn, VersionId=one["VersionId"], absent=("NoSuchEntity",))
        for one in aws.all("iam", "list_policy_versions", "Versions", PolicyArn=arn)
        if one["VersionId"] != policy["DefaultVersionId"]
    ]
    there = [one["PolicyVersion"] for one in others if one]
    return {**policy, "Others": {one["VersionId"]: one["Document"] for one in there}}


def current(policy: Policy, _part: str) -> dict[str, str]:
    """Return the version that counts."""
    return {"DefaultVersionId": policy["DefaultVersionId"]}


def count(policy: Policy, version: str) -> Call:
    """Return the call that makes a version count."""
    return call("iam", "set_default_policy_version", PolicyArn=policy["Arn"], VersionId=version)


@guardrail(
    severity="high",
    default="off",
    on={
        taken_back("iam:CreatePolicyVersion"): "requestParameters.policyArn",
        taken_back("iam:SetDefaultPolicyVersion"): "requestParameters.policyArn",
    },
    needs={"iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion"},
    read=read,
    resource=lambda policy: str(policy["Arn"]),
    current=current,
    tags=tags.known,
    gone={"NoSuchEntity"},
    everywhere=True,
    event_born=True,
)
def check(policy: Policy, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a change of what counts back, as long as it stands; raises Uncertain."""
    if event is None:
        return
    before, now = reverts.set_forth(event)
    if policy["DefaultVersionId"] != now:
        return
    name = policy["PolicyName"]
    if before not in policy["Others"]:
        raise reverts.Uncertain(f"{before} of policy {name}, which counted before, is there no more")
    if reverts.boundless(policy["Others"][before]):
        raise reverts.Uncertain(
            f"{before} of policy {name}, which counted before, allows every action, or all but some"
        )
    yield Remedy(
        why=f"{event.actor.who} had {now} of policy {name} count, where {before} did, to be taken back",
        part=PART,
        fix=(count(policy, before),),
        undo=(count(policy, now),),
        before={"DefaultVersionId": now},
        after={"DefaultVersionId": before},
    )
