"""Nobody must sign in to the console with a password alone.

Why: a password that was guessed, reused or phished is then all that a stranger needs.
Fix: none: the session that was opened cannot be given a second factor; its user has to set one up.
Undo: none
Mode: every such sign-in is told. Sign-ins through an identity provider are left alone: AWS says that no MFA was
used, since it cannot see the provider's. An IAM user's sign-in is recorded in the region that served it: beside
us-east-1 that may be us-east-2, eu-north-1 or ap-southeast-2, which have to be among the watched regions.
Controls: FSBP IAM.5; CIS 3.0 1.5, 1.10
"""

from collections.abc import Iterable

from chalicelib.model import Event, Remedy
from chalicelib.registry import guardrail, sign_in


@guardrail(
    severity="high",
    default="observe",
    on={sign_in("ConsoleLogin"): "user/{userIdentity.userName} | account"},
    everywhere=True,
    can_fix=False,
)
def check(_state: None, event: Event) -> Iterable[Remedy]:
    """Yield a successful sign-in of an IAM user or root without MFA."""
    used = (event.detail.get("additionalEventData") or {}).get("MFAUsed")
    succeeded = event.response.get("ConsoleLogin") == "Success"
    if event.actor.kind in ("IAMUser", "Root") and succeeded and used == "No":
        yield Remedy(
            why=f"{event.actor.who} signed in to the console from {event.actor.ip} without MFA",
            part=str(event.detail.get("eventTime") or event.id),
        )
