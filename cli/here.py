"""The local account, for the commands that make trouble up: whether it is the one, and asking its inbox."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chalicelib.model import ParapetError
from cli.deployment import Outside

HERE = ("127.0.0.1", "localhost", "::1")


def refuse_elsewhere(outside: Outside, what: str) -> None:
    """Refuse to make trouble in any account but the local one; `what` begins the sentence; raises ParapetError.

    What counts is where the clients go: an endpoint of one service alone could lead elsewhere.
    """
    where = outside.deployment
    for service in ("sts", "sns", "cloudwatch"):
        address = str(where.connect(service, where.region).meta.endpoint_url)
        if urlsplit(address).hostname not in HERE:
            raise ParapetError(
                f"{what}, and so works in the local account alone; calls of {service} would go to "
                f"{address}. Run `make up`, and `. local/env` in this terminal"
            )


def inbox(outside: Outside) -> str:
    """Return where the local account's inbox is."""
    return outside.environment.get("PARAPET_INBOX_URL", "http://127.0.0.1:4567")


def ask(outside: Outside, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send something to the inbox and return its answer; raises ParapetError, with what the inbox says."""
    address = f"{inbox(outside)}{path}"
    if urlsplit(address).hostname not in HERE:
        raise ParapetError(f"PARAPET_INBOX_URL is {address}, which is not here: run `. local/env` in this terminal")
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        # A proxy would be asked for what is here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            found: Mapping[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise ParapetError(f"the local account did not take it: {_told(error.read(2000))}") from None
    except (OSError, ValueError) as error:
        raise ParapetError(f"cannot reach {address}: {error}; is `make up` running?") from None


def _told(answer: bytes) -> str:
    text = answer.decode(errors="replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text
