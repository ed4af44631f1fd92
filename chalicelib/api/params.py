"""Parameters that several routes take. Pure."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.api.declared import FLAGS, Param
from chalicelib.model import Scope

WHY = Param("why", "why: it is recorded and told", example="the vendor connects today")
WHY_NEEDED = replace(WHY, needed=True)
FOR = Param("for", "for how long; either this or `until`", example="30m")
UNTIL = Param("until", "until when: a day (to its end) or a time, UTC", example="2026-12-31")
SINCE = Param("since", "not before: as long ago as this, a day, or a time, UTC", example="24h")
LIMIT = Param("limit", "how many at most", most=200)
AFTER = Param("after", "what the page before had under `after`")
BREAK_GLASS = Param("break_glass", "whether to insist on deciding about one's own change", FLAGS)
QUESTION = Param(
    "question", "which question this answers, as it was read; declined when it was asked anew since", most=200
)
KEY = Param("idempotency_key", "makes a request that is repeated the same one, as the header Idempotency-Key does")

_ABOUT = {
    "guardrail": "a guardrail's name",
    "service": "a service, such as ec2",
    "account": "an account's number",
    "region": "a region",
    "resource": "a resource, * stands for anything",
    "part": "the offending part",
    "tag": "a tag: key or key=value",
    "principal": "an ARN, * stands for anything",
}


def scope(*names: str) -> tuple[Param, ...]:
    """Return the parameters that make a scope; all of its fields unless some are named."""
    return tuple(Param(name, _ABOUT[name]) for name in names or Scope.__dataclass_fields__)
