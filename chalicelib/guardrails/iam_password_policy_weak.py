"""The account's password policy must ask for long passwords with symbols that expire.

Why: people's passwords are guessed and reused; the policy is all that keeps a console user from `password1`.
Fix: raises what is too weak to the options `minimum_length`, `symbols` and `max_age_days` (0: need not expire) and
keeps every other setting, and every stronger value, as it is. Where there is no policy, AWS's own default has been
asking for three of four kinds of characters: the new policy asks for all.
Undo: puts the former policy back in all its settings, or deletes the policy if there was none.
Mode: passwords in use go on working, and a policy that was weakened a moment ago is strong again. To a policy
that has long been weak, expiry is news: whoever has an older password must change it at the next sign-in, or, under
`HardExpiry`, ask an administrator to reset it; so the sweep asks.
Controls: FSBP IAM.7; CIS 3.0 1.8
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

FIELDS = (
    "MinimumPasswordLength", "RequireSymbols", "RequireNumbers", "RequireUppercaseCharacters",
    "RequireLowercaseCharacters", "AllowUsersToChangePassword", "MaxPasswordAge", "PasswordReusePrevention",
    "HardExpiry",
)  # fmt: skip
DEFAULT = {
    "MinimumPasswordLength": 8,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
}

Policy = Mapping[str, Any]


def settings(policy: Policy) -> dict[str, Any]:
    """Return a policy as the update takes it: what is off must be left out, since 0 days are refused."""
    return {name: policy[name] for name in FIELDS if policy.get(name)}


def read(aws: Aws, _account: str) -> Policy | None:
    """Return the policy's settings, or None when the account has none; raises AwsError."""
    policy = aws("iam", "get_account_password_policy", absent=("NoSuchEntity",)).get("PasswordPolicy")
    return policy and settings(policy)


def raised(policy: Policy, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are too weak, as they have to be."""
    length, days = options["minimum_length"], options["max_age_days"]
    wanted: dict[str, Any] = {}
    if policy["MinimumPasswordLength"] < length:
        wanted["MinimumPasswordLength"] = length
    if options["symbols"] and not policy.get("RequireSymbols"):
        wanted["RequireSymbols"] = True
    if days and not 0 < policy.get("MaxPasswordAge", 0) <= days:
        wanted["MaxPasswordAge"] = days
    return wanted


def brought(event: Event, policy: Policy | None, weak: Iterable[str]) -> bool:
    """Whether the event deleted the policy, or asked for what is weak in it; an update always sets everything."""
    if policy is None or event.name == "DeleteAccountPasswordPolicy":
        return policy is None and event.name == "DeleteAccountPasswordPolicy"
    asked = {"minimumPasswordLength": 6, **event.request}
    return all((asked.get(name[0].lower() + name[1:]) or None) == policy.get(name) for name in weak)


@guardrail(
    severity="medium",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("iam:UpdateAccountPasswordPolicy"): "account",
        api_call("iam:DeleteAccountPasswordPolicy"): "account",
    },
    needs={"iam:GetAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy"},
    read=read,
    subjects=lambda aws: [aws.account],
    options={"minimum_length": 12, "symbols": True, "max_age_days": 90},
    everywhere=True,
)
def check(policy: Policy | None, event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield one remedy for all that is too weak, since the policy can only be set as a whole."""
    base = DEFAULT if policy is None else policy
    wanted = raised(base, options)
    if policy is not None and not wanted:
        return
    weak = ", ".join(f"{name} {base.get(name, 'off')} instead of {value}" for name, value in wanted.items())
    after = {**base, **wanted}
    update, delete = "update_account_password_policy", "delete_account_password_policy"
    yield Remedy(
        why=f"the password policy has {weak}" if policy else "there is no password policy",
        part="password policy",
        fix=(call("iam", update, **after),),
        undo=(call("iam", update, **policy) if policy else call("iam", delete),),
        before=policy,
        after=after,
        brought=event is None or brought(event, policy, wanted),
    )
