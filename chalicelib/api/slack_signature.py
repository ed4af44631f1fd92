"""Whether a request is Slack's: its signature (v0) over the raw body, made with our secret within minutes. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from chalicelib.model import ParapetError

# As long as Slack advises, before us and, since clocks differ, after us.
WINDOW = 300.0
TIMESTAMP, SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"


class Forged(ParapetError):
    """A request that is not Slack's, or not of now; the text says why, for the log."""


class Unfitting(Forged):
    """A signature that was not made with this secret: another one may fit."""


def fresh(headers: Mapping[str, str], now: float) -> tuple[str, str]:
    """Return the timestamp and the signature of a request of now; raises Forged.

    Args:
        headers: of the request, their names in any case.
        now: epoch seconds.
    """
    known = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = known.get(TIMESTAMP, ""), known.get(SIGNATURE, "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or not re.fullmatch(r"v0=[0-9a-f]{64}", signature):
        raise Forged("it has no signature of Slack's")
    away = now - int(timestamp)
    if abs(away) > WINDOW:
        raise Forged(f"it was signed {abs(away):.0f} s {'ago' if away > 0 else 'ahead'}")
    return timestamp, signature


def verify(secret: str, timestamp: str, signature: str, body: bytes) -> None:
    """Compare a request's signature with the one that a secret makes, in constant time; raises Unfitting."""
    if not hmac.compare_digest(signed(secret, timestamp, body), signature):
        raise Unfitting("its signature does not fit our signing secret")


def signed(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Slack gives a request."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
