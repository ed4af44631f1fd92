"""What it means that a resource's policy grants something to everyone: pure, shared by guardrails of such policies.

It is S3's meaning of "public" (docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html):
a grant to anyone is public unless a condition ties it to fixed values of a key that says who asks, or from where.
It departs from S3 in one direction only, where S3 calls public what is not open to the world: an ARN, a user id or
an organization path may have a wildcard as long as the account, the role or the organization in it is fixed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

Statement = Mapping[str, Any]

# Their negations, `Null`, and comparisons of booleans, dates and numbers leave the door open to everybody else.
POSITIVE = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"})
FIXING = frozenset({
    "aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
    "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourcevpcarn", "aws:vpceaccount", "aws:vpceorgid",
    "aws:vpceorgpaths", "aws:userid", "aws:principalarn", "aws:principalaccount", "aws:principalorgid",
    "aws:principalorgpaths", "aws:principalservicename", "aws:principalservicenameslist",
    "s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "kms:calleraccount", "cognito-identity.amazonaws.com:aud", "accounts.google.com:aud",
    "graph.facebook.com:app_id", "www.amazon.com:app_id",
})  # fmt: skip
# S3 calls anything broader public.
BROADEST = {4: 8, 6: 32}


def statements(policy: str | Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy, which may be JSON text or parsed."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return list(_listed(document.get("Statement", [])))


def public(statement: Statement) -> bool:
    """Whether a statement grants something to everyone."""
    return statement.get("Effect") == "Allow" and _anyone(statement) and not _narrowed(statement.get("Condition") or {})


def unordered(value: Any) -> Any:
    """Return a policy in one order of its own: a list in it has none, and S3 returns principals in any."""
    if isinstance(value, Mapping):
        return {name: unordered(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted(map(unordered, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _anyone(statement: Statement) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping):
        return principal == "*"
    pairs = [(kind, name) for kind, names in principal.items() for name in _listed(names)]
    # A web identity provider, unlike a provider with an ARN, vouches for anybody who has an account there.
    return any(name == "*" or (kind == "Federated" and not name.startswith("arn:")) for kind, name in pairs)


def _narrowed(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    blocks = [(operator.lower(), {key.lower(): _listed(value) for key, value in block.items()})
              for operator, block in condition.items()]  # fmt: skip
    required = {
        key for operator, block in blocks if operator == "null"
        for key, values in block.items() if all(str(value).lower() == "false" for value in values)
    }  # fmt: skip
    for operator, block in blocks:
        # Both are met by a request that lacks the key altogether, as an anonymous one lacks most.
        lenient = operator.startswith("forallvalues:") or operator.endswith("ifexists")
        if operator.rpartition(":")[2].removesuffix("ifexists") not in POSITIVE:
            continue
        for key, values in block.items():
            if (not lenient or key in required) and values and all(_fixed(key, str(value)) for value in values):
                return True
    return False


def _fixed(key: str, value: str) -> bool:
    if key == "aws:sourceip":
        return _narrow(value)
    vital = _vital(key, value)
    return key in FIXING and bool(vital) and not any(wild in vital for wild in ("*", "?", "${"))


def _vital(key: str, value: str) -> str:
    if key.endswith("arn"):
        pieces = value.split(":", 5)
        return pieces[4] if len(pieces) == 6 and pieces[4] else value
    if key == "aws:userid":
        return value.split(":")[0]
    return value.split("/")[0] if key.endswith("paths") else value


def _narrow(cidr: str) -> bool:
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= BROADEST[network.version]
