"""The other accounts of an organisation: which there are, and how we work in them.

In each of them a service's guard function has a role (`./parapet member-template`), which it assumes when the first
event or sweep of the account comes. Nothing is ever done there with our own credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.aws import AccountAws, ConnectAs, Keys
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.settings import Accounts

# The name under which CloudTrail shows us beside the role.
SESSION = "parapet"
# Longer than an invocation takes: keys that it begins with last until its end.
MARGIN = 300.0
# A role that was made anew has no use for the keys of the old one.
SPENT = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}
)
MEND = "update the StackSet of `./parapet member-template`"


def listed(aws: Aws, accounts: Accounts) -> list[str]:
    """Return the accounts to be swept, our own first and without those that are suspended; raises AwsError."""
    found = [accounts.own, *accounts.ids]
    try:
        if accounts.everyone:
            found += _active(aws.all("organizations", "list_accounts", "Accounts"))
        for unit in accounts.units:
            found += _within(aws, unit)
    except AwsError as error:
        if error.transient:
            raise
        told = (
            f"{error.message} (only the organisation's management account and its delegated administrators may ask: "
            "make ours one of these, or list the accounts in parapet.accounts)"
        )
        raise AwsError(error.action, error.code, told) from error
    return list(dict.fromkeys(found))


def _within(aws: Aws, unit: str) -> Iterator[str]:
    yield from _active(aws.all("organizations", "list_accounts_for_parent", "Accounts", ParentId=unit))
    inner = aws.all("organizations", "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=unit)
    for one in inner:
        yield from _within(aws, one["Id"])


def _active(accounts: list[Any]) -> list[str]:
    return [one["Id"] for one in accounts if one["State"] == "ACTIVE"]


class Members:
    """How a function reaches other accounts: under its role there, whose keys are kept for as long as they last."""

    def __init__(self, ours: Aws, connect: ConnectAs, role: str, external_id: str, now: Callable[[], float]) -> None:
        if not external_id:
            raise ParapetError(
                "PARAPET_EXTERNAL_ID is not set: deploy with the parameter ExternalId that the members' StackSet has"
            )
        self._ours, self._connect, self._now = ours, connect, now
        self._role, self._external_id = role, external_id
        self._keys: dict[str, tuple[Keys, float]] = {}

    def __call__(self, account: str, region: str) -> Aws:
        """Return the calls to an account and region; raises AwsError when our role there cannot be assumed."""
        # At once, before anything is looked at or written down: IAM says who is a member.
        self.keys(account)
        return MemberAws(self, account, region)

    def client(self, account: str, service: str, region: str) -> Any:
        """Return a client of an account; raises AwsError when our role there cannot be assumed."""
        return self._connect(service, region, self.keys(account))

    def arn(self, account: str) -> str:
        """Return the ARN of our role in an account."""
        partition = self._connect("sts", self._ours.region).meta.partition
        return f"arn:{partition}:iam::{account}:role/{self._role}"

    def keys(self, account: str) -> Keys:
        """Return the keys of our role in an account, new ones when the old ones end soon; raises AwsError."""
        keys, until = self._keys.get(account, (None, 0.0))
        if keys is None or until - MARGIN <= self._now():
            keys, until = self._assume(account)
            self._keys[account] = keys, until
        return keys

    def forget(self, account: str) -> None:
        """Have the role assumed anew for the next call."""
        self._keys.pop(account, None)

    def _assume(self, account: str) -> tuple[Keys, float]:
        arn = self.arn(account)
        try:
            answer = self._ours(
                "sts", "assume_role", RoleArn=arn, RoleSessionName=SESSION, ExternalId=self._external_id
            )
        except AwsError as error:
            same = "with the same Stage, HubAccount, OrganizationId and ExternalId as here"
            mend = f"; {MEND} in account {account}, {same}" if error.denied else ""
            raise AwsError(error.action, error.code, f"{error.message} ({arn}{mend})") from error
        given = answer["Credentials"]
        keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return keys, given["Expiration"].timestamp()


class MemberAws(AccountAws):
    """AWS calls in another account, with errors that name our role there."""

    def __init__(self, members: Members, account: str, region: str) -> None:
        super().__init__(lambda service, wanted: members.client(account, service, wanted), account, region)
        self._members = members

    def problem(self, client: Any, service: str, operation: str, error: Exception) -> AwsError:
        """Return what a call answered as an error, with what to mend when our role may not make it."""
        found = super().problem(client, service, operation, error)
        if found.code in SPENT:
            self._members.forget(self.account)
        if not found.denied:
            return found
        role = self._members.arn(self.account)
        return AwsError(found.action, found.code, f"{found.message} ({role}; {MEND} in account {self.account})")
