"""Nobody must make an access key for somebody else without a second person knowing.

Why: a key made for another user is a way to act under that user's name, and a common way to stay in an account.
Fix: makes the key inactive; it is not deleted, and the user's other keys go on working.
Undo: makes the key active again.
Mode: administrators and pipelines make keys for users rightly, so it is always asked. Whether a key was made by
somebody else is known from the call alone: no sweep can find what its event did not tell.
Controls: CIS 3.0 1.11
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Call, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Keys = list[Mapping[str, Any]]


def read(aws: Aws, user: str) -> Keys:
    """Return the user's access keys; raises AwsError."""
    return aws.all("iam", "list_access_keys", "AccessKeyMetadata", UserName=user)


def current(keys: Keys, part: str) -> str | None:
    """Return the status of the key that is this part, or None when it is deleted."""
    return next((key["Status"] for key in keys if key["AccessKeyId"] == part), None)


def switch(user: str, key: str, status: str) -> Call:
    """Return the call that gives a key a status."""
    return call("iam", "update_access_key", UserName=user, AccessKeyId=key, Status=status)


@guardrail(
    severity="high",
    default="approve",
    on={api_call("iam:CreateAccessKey"): "responseElements.accessKey.userName"},
    needs={"iam:ListAccessKeys", "iam:ListUserTags", "iam:UpdateAccessKey"},
    read=read,
    current=current,
    tags=tags.of_user,
    gone={"NoSuchEntity"},
    everywhere=True,
    event_born=True,
)
def check(keys: Keys, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy for a key that the event's actor made for another user and that still works."""
    # Who names no user makes a key for himself: that is how root makes its own.
    if event is None or not event.request.get("userName"):
        return
    made = event.response["accessKey"]
    user, key = made["userName"], made["accessKeyId"]
    own = event.actor.kind == "IAMUser" and event.detail["userIdentity"].get("userName") == user
    if not own and current(keys, key) == "Active":
        yield Remedy(
            why=f"{event.actor.who} made the access key {key} for {user}",
            part=key,
            fix=(switch(user, key, "Inactive"),),
            undo=(switch(user, key, "Active"),),
            before="Active",
            after="Inactive",
        )
