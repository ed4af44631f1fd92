"""The root user must not be used.

Why: nothing can restrict root; a daily task under root is a mistake, and anything else may be a break-in.
Fix: none: only a person can say whether it was meant.
Undo: none
Mode: it is told once a day for each address that root comes from; a session belongs to the day it began, and what
root does later in it joins. Whoever guesses passwords or asks for a new one has not used root, nor has a service.
Controls: CIS 3.0 1.7
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from chalicelib.events import API_CALL, SIGN_IN
from chalicelib.model import Event, Remedy
from chalicelib.registry import by_root, guardrail

# Anybody who knows root's e-mail address can get as far as this.
BEFORE_SIGN_IN = ("CheckMfa", "PasswordRecoveryRequested")


@guardrail(
    severity="critical",
    default="observe",
    on={by_root(API_CALL): "account", by_root(SIGN_IN): "account"},
    everywhere=True,
    can_fix=False,
)
def check(_state: None, event: Event) -> Iterable[Remedy]:
    """Yield what root did, unless it failed or a service did it."""
    identity = event.detail["userIdentity"]
    service = identity.get("invokedBy") or event.detail.get("eventType") == "AwsServiceEvent"
    if service or event.name in BEFORE_SIGN_IN or event.response.get(event.name) == "Failure":
        return
    began = ((identity.get("sessionContext") or {}).get("attributes") or {}).get("creationDate")
    day = began or datetime.fromtimestamp(event.time, UTC).isoformat()
    key = identity.get("accessKeyId") or ""
    did = "signed in to the console" if event.name == "ConsoleLogin" else f"called {event.name} of {event.source}"
    kept = f" with the access key {key}, which should not exist" if key.startswith("AKIA") else ""
    yield Remedy(why=f"root {did} from {event.actor.ip}{kept}", part=f"{day[:10]} {event.actor.ip}")
