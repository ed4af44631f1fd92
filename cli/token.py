"""`token`: a token for the HTTP API and its page, from AWS credentials."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import click

from chalicelib.model import ParapetError
from cli import output
from cli.deployment import Outside

PATIENCE = 30.0


@click.command(name="token")
@click.option("--operate", is_flag=True, help="One that lets you undo, approve, pause and so on; else it reads.")
@output.json_option
@click.pass_context
def token(ctx: click.Context, operate: bool, as_json: bool) -> None:
    """Print a token for the HTTP API, asked for with your AWS credentials; the page takes it too.

    IAM decides who may: execute-api:Invoke on POST /v1/token, for --operate on POST /v1/token/operate. Whoever has the
    token is you: it is short-lived, and goes to nobody. PARAPET_API_URL names an API other than the stack's.
    """
    outside: Outside = ctx.obj
    found = asked(outside, "/v1/token/operate" if operate else "/v1/token")
    if as_json:
        output.emit(found)
    else:
        # Alone on its line, for $(./parapet token).
        output.say(str(found["token"]))


def asked(outside: Outside, path: str) -> Mapping[str, Any]:
    """Return what the API answers to a signed POST; raises ParapetError with what it says."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    base, credentials = outside.deployment.api, outside.credentials()
    if credentials is None:
        raise ParapetError("there are no AWS credentials: log in, or for the local account run `. local/env`")
    # Else urllib says that it is a form.
    request = AWSRequest("POST", f"{base}{path}", {"Content-Type": "application/json"}, b"")
    SigV4Auth(credentials, "execute-api", outside.deployment.region).add_auth(request)
    sent = urllib.request.Request(f"{base}{path}", b"", dict(request.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise ParapetError(f"POST {base}{path} answers {error.code}: {_said(error.read())}") from error
    except (OSError, ValueError) as error:
        raise ParapetError(f"POST {base}{path} does not answer: {error}") from error
    return found


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
