"""Who holds which access key, and what a successful call teaches about new keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ROLE_SESSIONS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})


@dataclass(frozen=True)
class Identity:
    """Who holds an access key."""

    user_identity: Mapping[str, Any]  # the CloudTrail userIdentity block, complete
    source_ip: str  # the address CloudTrail shall show; "" means the one the request came from


class Identities:
    """Access keys known to the local account; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Identity] = {}
        self._users: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, access_key: str, identity: Identity) -> None:
        """Make the key known, or change who holds it."""
        with self._lock:
            self._by_key[access_key] = identity
            user = identity.user_identity
            if user.get("type") == "IAMUser" and user.get("userName"):
                known = {k: user[k] for k in ("principalId", "arn") if k in user}
                self._users[user.get("accountId", ""), user["userName"]] = known

    def lookup(self, access_key: str | None) -> Identity:
        """Say who holds the key; a key nobody added is `Unknown`, never somebody else's."""
        with self._lock:
            identity = self._by_key.get(access_key or "")
        if identity is not None:
            return identity
        unknown = {"type": "Unknown"} | ({"accessKeyId": access_key} if access_key else {})
        return Identity(unknown, "")

    def learn(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        answer: Mapping[str, Any],
        *,
        caller: Identity,
        source_ip: str,
        account: str,
        now: datetime,
    ) -> None:
        """Take up the user or key that a successful IAM or STS call has just made."""
        if (service, operation) == ("iam", "CreateUser"):
            user = answer["User"]
            with self._lock:
                self._users[account, user["UserName"]] = {"principalId": user["UserId"], "arn": user["Arn"]}
        elif (service, operation) == ("iam", "CreateAccessKey"):
            made = answer["AccessKey"]
            self._add_user_key(made["AccessKeyId"], made["UserName"], account, source_ip)
        elif service == "sts" and operation in ROLE_SESSIONS:
            key = answer["Credentials"]["AccessKeyId"]
            block = _role_session(key, parameters["RoleArn"], answer["AssumedRoleUser"], now)
            self.add(key, Identity(block, source_ip))
        elif (service, operation) == ("sts", "GetSessionToken"):
            key = answer["Credentials"]["AccessKeyId"]
            block = {**caller.user_identity, "accessKeyId": key, "sessionContext": _session(now)}
            self.add(key, Identity(block, source_ip))

    def _add_user_key(self, key: str, name: str, account: str, source_ip: str) -> None:
        with self._lock:
            known = self._users.get((account, name))
        # The principal id of a user that nobody showed us stays out: an invented one would look real.
        known = known or {"arn": f"arn:aws:iam::{account}:user/{name}"}
        block = {"type": "IAMUser", **known, "accountId": account, "accessKeyId": key, "userName": name}
        self.add(key, Identity(block, source_ip))


def _role_session(key: str, role_arn: str, assumed: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role_id, session = assumed["AssumedRoleId"].split(":", 1)
    issuer = {
        "type": "Role", "principalId": role_id, "arn": role_arn, "accountId": account, "userName": role,
    }  # fmt: skip
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": {"sessionIssuer": issuer, **_session(now)},
    }


def _session(now: datetime) -> dict[str, Any]:
    return {"attributes": {"creationDate": f"{now:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "false"}}
