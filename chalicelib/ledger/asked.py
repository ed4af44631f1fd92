"""What the ledger asks EventBridge for: every write of the account's management, but our own: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.ledger.telling import WATCHED

KINDS = (
    "AWS API Call via CloudTrail", "AWS Console Action via CloudTrail", "AWS Console Sign In via CloudTrail",
    "AWS Service Event via CloudTrail",
)  # fmt: skip
# The roles of our functions, also those in other accounts, as a wildcard.
OURS = "arn:*:iam::*:role/parapet-{stage}-*"
# What machines write all day about themselves: agents that report, log streams of functions, tasks that come and go.
NOISE = (
    "CreateLogStream", "UpdateInstanceInformation", "UpdateInstanceAssociationStatus", "PutInventory",
    "PutComplianceItems", "PutConfigurePackageResult", "SubmitTaskStateChange", "SubmitContainerStateChange",
    "SubmitAttachmentStateChanges", "SetAlarmState", "PutEvaluations",
    # What an application's own users do, once for each of their requests.
    "StartExecution", "InitiateAuth", "RespondToAuthChallenge", "AdminInitiateAuth", "AdminRespondToAuthChallenge",
)  # fmt: skip


def patterns(ours: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield all that is asked for in each region and account: a name, what it is about, the pattern.

    Args:
        ours: as `calls` takes it.
    """
    yield "calls", "every write of the account's management but our own", calls(ours)
    yield "told", "what services tell of deployments and of themselves", {"$or": [dict(one) for one in WATCHED]}


def calls(ours: Any) -> Mapping[str, Any]:
    """Return the pattern of the calls.

    What Parapet itself does is not among them, in no account: it is in the journal, and the ledger's own function makes
    a stream in its log with every environment. Whoever makes a role of such a name is seen making it.

    Args:
        ours: the ARNs of our roles, as a wildcard, or as CloudFormation fills it in.
    """
    path = ("userIdentity", "sessionContext", "sessionIssuer", "arn")
    return {
        "detail-type": list(KINDS),
        "detail": {
            "eventCategory": ["Management"],
            "readOnly": [False],
            "eventName": [{"anything-but": list(NOISE)}],
            # Whoever has no session has no role either: users, root, AWS's services.
            "$or": [_at(path, {"anything-but": {"wildcard": ours}}), _at(path, {"exists": False})],
        },
    }


def _at(path: tuple[str, ...], rule: Mapping[str, Any]) -> dict[str, Any]:
    first, *rest = path
    return {first: _at(tuple(rest), rule) if rest else [dict(rule)]}
