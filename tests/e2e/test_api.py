"""The HTTP API of the local account, over the wire, with tokens for what botocore and curl sign."""

from __future__ import annotations

import functools
import json
import shutil
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.resources.api import SAID
from tests.e2e.conftest import Terminal, eventually

pytestmark = pytest.mark.xdist_group("local account")


def call(terminal: Terminal, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
    """Make a request as a program of alice's does: with a token, for which it signs when none is given."""
    if token is None:
        token = _token(terminal)
    return _sent(terminal, method, path, body, token)


@functools.cache
def _operates(url: str, key: str) -> list[str]:
    return []


def _token(terminal: Terminal) -> str:
    """A token of alice's that operates, asked for once."""
    have = terminal.environment
    known = _operates(have["PARAPET_API_URL"], have["AWS_ACCESS_KEY_ID"])
    if not known:
        status, document = _sent(terminal, "POST", "/v1/token/operate", {}, None)
        assert status == 200, document
        known.append(document["token"])
    return known[0]


def _sent(terminal: Terminal, method: str, path: str, body: Any, token: str | None) -> tuple[int, Any]:
    have = terminal.environment
    data = None if body is None else json.dumps(body).encode()
    url = have["PARAPET_API_URL"] + path
    request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    elif token is None:
        key = Credentials(have["AWS_ACCESS_KEY_ID"], have["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(key, "execute-api", have["AWS_REGION"]).add_auth(request)
    sent = urllib.request.Request(url, data, dict(request.headers.items()), method=method)
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def fixed(terminal: Terminal) -> tuple[str, dict[str, Any]]:
    """A security group that alice has opened and Parapet has closed, and the finding as the API lists it."""
    name = f"api-{len(terminal.lines())}"
    group = terminal.json(f"aws ec2 create-security-group --group-name {name} --description x")["GroupId"]
    terminal.run(
        f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 22 --cidr 0.0.0.0/0"
    )

    def listed() -> Any:
        status, document = call(terminal, "GET", f"/v1/findings?resource={group}&status=fixed")
        assert status == 200, document
        return document["findings"]

    return group, eventually(listed)[0]


def rules(terminal: Terminal, group: str) -> Any:
    return terminal.json(
        f"aws ec2 describe-security-groups --group-ids {group} --query SecurityGroups[0].IpPermissions"
    )


def test_takes_a_fix_back(terminal: Terminal) -> None:
    group, finding = fixed(terminal)
    assert rules(terminal, group) == []
    path = f"/v1/findings/{finding['id']}/undo"
    status, command = call(terminal, "POST", path, {"why": "the vendor connects today", "for": "30m"})
    assert (status, command["status"], command["who"]) == (202, "asked", "alice")

    def answered() -> Any:
        _, found = call(terminal, "GET", f"/v1/commands/{command['id']}")
        return found if found["status"] != "asked" else None

    assert eventually(answered)["answer"] == "undone"
    assert rules(terminal, group)[0]["FromPort"] == 22
    assert call(terminal, "GET", f"/v1/findings/{finding['id']}")[1]["status"] == "undone"
    assert call(terminal, "POST", path, {})[0] == 409


def test_shows_what_the_command_line_shows(terminal: Terminal) -> None:
    _, finding = fixed(terminal)
    shown = call(terminal, "GET", f"/v1/findings/{finding['id']}")[1]
    cli = terminal.json(f"./parapet show {finding['id']} --json")
    assert cli.keys() - shown.keys() == {"next"}
    ages = {"age_seconds": 0}
    assert {**shown, **ages} == {name: {**cli, **ages}[name] for name in shown}
    assert call(terminal, "GET", "/v1/guardrails")[1] == terminal.json("./parapet guardrails --json")


def test_is_healthy(terminal: Terminal) -> None:
    status, health = call(terminal, "GET", "/v1/health")
    assert (status, health["status"], health["stage"], health["account"]) == (200, "ok", "local", "123456789012")


def test_answers_nobody_without_a_token(terminal: Terminal) -> None:
    status, document = call(terminal, "GET", "/v1/health", token="")
    assert (status, document["title"], document["detail"]) == (401, "Unauthorized", SAID["UNAUTHORIZED"][1])


def test_a_token_that_reads_asks_for_nothing(terminal: Terminal) -> None:
    reads = terminal.run("./parapet token").stdout.strip()
    assert call(terminal, "GET", "/v1/pause", token=reads)[0] == 200
    status, document = call(terminal, "POST", "/v1/pause", {"why": "x"}, token=reads)
    assert (status, "operate" in document["detail"]) == (403, True)


def test_serves_the_page_to_anybody(terminal: Terminal) -> None:
    url = terminal.environment["PARAPET_API_URL"]
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.url == f"{url}/"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_answers_curl(terminal: Terminal) -> None:
    signed = "curl -sS --aws-sigv4 aws:amz:$AWS_REGION:execute-api --user $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
    given = terminal.json(f"{signed} -X POST $PARAPET_API_URL/v1/token/operate")
    assert (given["who"], given["scope"]) == ("alice", "read operate")
    curl = f"curl -sS -H 'Authorization: Bearer {given['token']}' -H Content-Type:application/json"
    assert terminal.json(f"{curl} $PARAPET_API_URL/v1/health")["status"] == "ok"
    _, finding = fixed(terminal)
    found = terminal.json(f"{curl} '$PARAPET_API_URL/v1/findings?limit=1&resource={finding['resource']}'")
    assert [one["id"] for one in found["findings"]] == [finding["id"]]
    asked = terminal.json(f'{curl} $PARAPET_API_URL/v1/findings/{finding["id"]}/undo -d \'{{"for": "1m"}}\'')
    assert (asked["kind"], asked["who"]) == ("undo", "alice")
    wrong = signed.replace("$AWS_SECRET_ACCESS_KEY", "wrong")
    assert "does not match" in terminal.json(f"{wrong} -X POST $PARAPET_API_URL/v1/token")["detail"]
