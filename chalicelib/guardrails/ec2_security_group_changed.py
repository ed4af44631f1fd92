"""What somebody changed in a security group's rules must be as it was before, where a person takes that change back.

Why: a rule that is revoked, or added, by hand is a common beginning of an outage, and to find the same rule again takes
long.
Fix: authorises what was revoked, description included where CloudTrail tells it, or revokes what was authorised; every
other rule stays. It is offered only where the call's record names the rules, and as long as all of them are as the
call left them; never where it would open a guarded port to the world.
Undo: revokes, or authorises, the same rules again.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides.
Anew: the rules' ids (sgr-…) and tags.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reverts, tags
from chalicelib.model import Aws, Call, Event, Remedy, call
from chalicelib.registry import guardrail, taken_back
from chalicelib.reverts import Rule

State = Mapping[str, Any]
ABSENT = "not there"


def read(aws: Aws, group: str) -> State:
    """Return the group's rules; raises AwsError."""
    found = aws.all("ec2", "describe_security_group_rules", "SecurityGroupRules",
                    Filters=[{"Name": "group-id", "Values": [group]}])  # fmt: skip
    every = [reverts.there(one, aws.account) for one in found]
    return {"group": group, "rules": {str(one): one for one in every if one}}


def current(state: State, part: str) -> dict[str, Any]:
    """Return the permission of each rule that is named, or that the group does not have it."""
    rules = state["rules"]
    return {name: rules[name].permission() if name in rules else ABSENT for name in part.split(reverts.AND)}


def tags_of(aws: Aws, group: str, _state: State) -> Mapping[str, str]:
    """Return the group's tags. Raises AwsError."""
    return tags.within(aws("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"])


def let(verb: str, state: State, rules: Iterable[Rule]) -> Call:
    """Return the call that authorises or revokes some rules, all of one direction, and no other."""
    several = list(rules)
    way = "egress" if several[0].egress else "ingress"
    permissions = [one.permission(described=verb == "authorize") for one in several]
    return call("ec2", f"{verb}_security_group_{way}", GroupId=state["group"], IpPermissions=permissions)


_WHERE = (
    "requestParameters.groupId | responseElements.securityGroupRuleSet.items[].groupId"
    " | responseElements.revokedSecurityGroupRuleSet.items[].groupId"
)


@guardrail(
    severity="high",
    default="off",
    on={
        taken_back("ec2:AuthorizeSecurityGroupEgress"): _WHERE,
        taken_back("ec2:AuthorizeSecurityGroupIngress"): _WHERE,
        taken_back("ec2:RevokeSecurityGroupEgress"): _WHERE,
        taken_back("ec2:RevokeSecurityGroupIngress"): _WHERE,
    },
    needs={
        "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
    },
    read=read,
    current=current,
    tags=tags_of,
    gone={"InvalidGroup.NotFound", "InvalidGroupId.NotFound"},
    event_born=True,
)  # fmt: skip
def check(state: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a call back, as long as what it did stands."""
    if event is None:
        return
    did = reverts.rules(event)
    part = did.part
    now = current(state, part)
    if any((one != ABSENT) is not did.added for one in now.values()):
        return
    # As they are now, with descriptions that somebody may have given them since.
    standing = [state["rules"].get(str(one), one) for one in did.rules]
    back, forth = ("revoke", "authorize") if did.added else ("authorize", "revoke")
    yield Remedy(
        why=f"{event.actor.who} {'added' if did.added else 'revoked'} {part} of {state['group']}, to be taken back",
        part=part,
        fix=(let(back, state, standing),),
        undo=(let(forth, state, standing),),
        before=now,
        after={str(one): ABSENT if did.added else one.permission() for one in standing},
    )
