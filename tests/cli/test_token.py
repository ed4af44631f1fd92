"""`token`: asked for with a signature, at the gateway, and printed alone."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.credentials import Credentials
from werkzeug.wrappers import Request, Response

from tests.cli.terminal import Terminal
from tests.notices.serving import serving

TOKEN = "aaa.bbb.ccc"


class Front:
    """An API that gives tokens to who has signed."""

    def __init__(self, status: int = 200, body: str = "") -> None:
        self.status = status
        self.body = body or f'{{"token": "{TOKEN}", "scope": "read"}}'
        self.asked: list[tuple[str, str]] = []

    def __call__(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        self.asked.append((request.method, request.path))
        return Response(self.body, self.status)(environ, start)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    terminal.credentials = Credentials("key", "secret")


def test_is_printed_alone(terminal: Terminal) -> None:
    with serving(front := Front()) as url:
        terminal.environment["PARAPET_API_URL"] = f"{url}/api/"
        assert terminal.out("token") == f"{TOKEN}\n"
        assert terminal.json("token", "--operate")["token"] == TOKEN
    assert front.asked == [("POST", "/api/v1/token"), ("POST", "/api/v1/token/operate")]


def test_says_what_the_api_says(terminal: Terminal) -> None:
    with serving(Front(403, '{"detail": "this may not be"}')) as url:
        terminal.environment["PARAPET_API_URL"] = f"{url}/api"
        assert "answers 403: this may not be" in terminal.fails(2, "token")
    assert "does not answer" in terminal.fails(2, "token")


@pytest.mark.parametrize("url", ["http://api.example.com/api", "ftp://x"])
def test_goes_to_nobody_in_the_clear(terminal: Terminal, url: str) -> None:
    terminal.environment["PARAPET_API_URL"] = url
    assert "PARAPET_API_URL must be the stack's output ApiUrl" in terminal.fails(2, "token")


def test_finds_the_stack(terminal: Terminal) -> None:
    assert "there is no stack parapet-test with an output ApiUrl" in terminal.fails(2, "token")


def test_wants_credentials(terminal: Terminal) -> None:
    terminal.credentials = None
    terminal.environment["PARAPET_API_URL"] = "https://abc123def4.execute-api.eu-west-1.amazonaws.com/api"
    assert "there are no AWS credentials" in terminal.fails(2, "token")
