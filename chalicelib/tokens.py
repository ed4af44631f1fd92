"""Short-lived signed tokens (JWT, HS256): who somebody is, and whether they may read only or operate too. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from chalicelib.model import ParapetError
from chalicelib.secrets import Secret

Scope = Literal["read", "operate"]
READ: tuple[Scope, ...] = ("read",)
OPERATE: tuple[Scope, ...] = ("read", "operate")
ALGORITHM = "HS256"
CLAIMS = ("sub", "by", "scope", "iat", "exp", "jti", "iss")
# Between the clocks of whoever made a token and of whoever reads it (seconds).
SKEW = 30.0
# No token lives longer, whatever it says (seconds).
LONGEST = 12 * 3600.0
# Of a key: HS256 wants 32 bytes.
SHORTEST = 32


class NotValid(ParapetError):
    """A token that does not count; the text says why, and nothing of the token."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key to sign with, by its name, which is no secret."""

    name: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who brings a token: as findings write it, their ARN or `slack:U…`, what they may, until when (epoch seconds)."""

    who: str
    by: str
    scopes: tuple[Scope, ...]
    until: float


def issuer(stage: str, account: str) -> str:
    """Return who issues the tokens of one installation, and takes no others."""
    return f"parapet:{stage}:{account}"


def issued(bearer: Bearer, of: str, now: float, number: str, key: Key) -> str:
    """Return a token.

    Args:
        bearer: whose.
        of: the issuer.
        now: epoch seconds.
        number: the token's own, never used twice.
        key: what signs it.
    """
    claims = {
        "sub": bearer.who,
        "by": bearer.by,
        "scope": " ".join(bearer.scopes),
        "iat": int(now),
        "exp": int(bearer.until),
        "jti": number,
        "iss": of,
    }
    return jwt.encode(claims, key.secret.reveal(), ALGORITHM, {"kid": key.name})


def read(token: str, of: str, keys: Callable[[str], Key | None], now: float) -> Bearer:
    """Return who brings a token; raises NotValid, and whatever `keys` raises.

    Args:
        token: as it came.
        of: the issuer that it must be of.
        keys: finds a key by its name.
        now: epoch seconds.
    """
    try:
        key = keys(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            raise NotValid("it is signed with a key that is not, or no longer, ours")
        claims: dict[str, Any] = jwt.decode(
            token,
            key.secret.reveal(),
            [ALGORITHM],
            # The times are ours to judge: by the clock that we are given.
            options={"require": list(CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            issuer=of,
        )
    # Whoever makes one up can nest it deeper than Python reads.
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise NotValid(f"it is not a token of ours: {type(error).__name__}") from None
    return _bearer(claims, now)


def _bearer(claims: dict[str, Any], now: float) -> Bearer:
    who, by, scope, since, until = (claims[name] for name in CLAIMS[:5])
    texts = isinstance(who, str) and isinstance(by, str) and isinstance(scope, str) and who and by
    if not texts or type(since) is not int or type(until) is not int:
        raise NotValid("it lacks what ours have")
    if since > now + SKEW or until - since > LONGEST:
        raise NotValid("its times are not ours")
    if until <= now - SKEW:
        raise NotValid("it has expired")
    found = {" ".join(scopes): scopes for scopes in (READ, OPERATE)}.get(scope)
    if found is None:
        raise NotValid("its scope is none of ours")
    return Bearer(who, by, found, float(until))
