"""Tokens: given to whoever signs with AWS credentials; IAM decides path by path who may read and who may operate."""

from __future__ import annotations

import uuid
from typing import Any

from chalicelib import times, wiring
from chalicelib.api import schemas
from chalicelib.api.asked import Asked
from chalicelib.api.route import Answer, chosen, ours, route
from chalicelib.section import SettingsError
from chalicelib.settings import ANYHOW


@route("POST", "/token", answers=schemas.TOKEN, door="signed")
def read(asked: Asked) -> Answer:
    """Give a token to read with."""
    return Answer(given(asked.who, asked.by, asked.at, operates=False))


@route("POST", "/token/operate", answers=schemas.TOKEN, door="signed")
def operate(asked: Asked) -> Answer:
    """Give a token to read with and to ask for undos, approvals, pauses … with."""
    return Answer(given(asked.who, asked.by, asked.at, operates=True))


def given(who: str, by: str, at: float, *, operates: bool) -> dict[str, Any]:
    """Return a new token and what is known of it; raises ParapetError when there is no key to sign it with."""
    from chalicelib import tokens  # only who logs in needs it

    try:
        lasts = chosen().api
    except SettingsError:
        # Stopping must work with settings that nobody can read, and it takes a token.
        lasts = ANYHOW.api
    seconds = lasts.operate_for if operates else lasts.token_for
    bearer = tokens.Bearer(who, by, tokens.OPERATE if operates else tokens.READ, at + seconds)
    account = ours().account
    issuer = tokens.issuer(wiring.environment().stage, account)
    token = tokens.issued(bearer, issuer, at, str(uuid.uuid4()), wiring.token_keys(account).current())
    return {
        "token": token,
        "token_type": "Bearer",
        "scope": " ".join(bearer.scopes),
        "expires": times.iso(bearer.until),
        "expires_in": int(seconds),
        "who": who,
        "by": by,
    }
