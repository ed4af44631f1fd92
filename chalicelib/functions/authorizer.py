"""The function that API Gateway asks who brings a token, and what they may, before it calls the API."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from chalice import AuthResponse, AuthRoute, Blueprint
from chalice.app import AuthRequest

from chalicelib import telemetry, tokens, wiring
from chalicelib.api.declared import TTL
from chalicelib.tokens import NotValid

blueprint = Blueprint(__name__)
# Of methods, by scope: an answer is kept for a token, whichever route it was asked about, and must hold for all.
METHODS = {tokens.READ: ["GET"], tokens.OPERATE: ["*"]}


class Unauthorized(Exception):
    """What API Gateway answers with 401; it does so for this very text, and with 500 for any other."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def unauthorized(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Have API Gateway answer 401 for a token that does not count, and log why."""

    @functools.wraps(handler, updated=())
    def asked(event: Any, context: Any) -> Any:
        with telemetry.invocation("authorizer", context) as seen:
            seen.because(route=event["methodArn"].rpartition(":")[2])
            try:
                return handler(event, context)
            except NotValid as error:
                seen.line("INFO", f"a token does not count: {error}")
        raise Unauthorized

    return asked


@unauthorized
@blueprint.authorizer(ttl_seconds=TTL, name="authorizer")
def authorizer(request: AuthRequest) -> AuthResponse:
    """Return who brings a token and which methods they may use; raises NotValid, and ParapetError without a key."""
    kind, _, token = request.token.partition(" ")
    if kind.lower() != "bearer":
        raise NotValid("it is no bearer token")
    account = request.method_arn.split(":")[4]
    issuer = tokens.issuer(wiring.environment().stage, account)
    bearer = tokens.read(token.strip(), issuer, wiring.token_keys(account).named, time.time())
    scope = {"by": bearer.by, "scope": " ".join(bearer.scopes)}
    return AuthResponse([AuthRoute("*", METHODS[bearer.scopes])], bearer.who, scope)
