"""The function that API Gateway asks about tokens: under its own role, with its own key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib import tokens, wiring
from chalicelib.functions import authorizer
from chalicelib.model import ParapetError
from chalicelib.secrets import Secret
from local.iam.policy import Policy
from tests.account import TestAccount
from tests.api.client import KEY, Context, token_key
from tests.api.client import STAGE_ARN as STAGE
from tests.samples import ACCOUNT, ALICE, REGION


@pytest.fixture
def door(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> TestAccount:
    for name, value in {"AWS_REGION": REGION, "PARAPET_STAGE": "test"}.items():
        monkeypatch.setenv(name, value)
    token_key(account, monkeypatch)
    wiring.use(account.functions)
    return account


def token(account: TestAccount, scopes: Any = tokens.READ, **changes: Any) -> str:
    """A token as the API issues it."""
    value = account.client("secretsmanager").get_secret_value(SecretId=KEY)
    key = tokens.Key(value["VersionId"], Secret(value["SecretString"]))
    now = time.time()
    bearer = tokens.Bearer("alice", ALICE["arn"], scopes, now + changes.get("lasts", 60))
    of = tokens.issuer(changes.get("stage", "test"), ACCOUNT)
    return tokens.issued(bearer, of, now + min(0, changes.get("lasts", 60)), "7", key)


def asked(account: TestAccount, header: str, route: str = "GET/v1/health") -> Any:
    event = {"type": "TOKEN", "authorizationToken": header, "methodArn": f"{STAGE}/{route}"}
    return json.loads(json.dumps(account.running("authorizer", authorizer.authorizer)(event, Context())))


@pytest.mark.parametrize(("scopes", "may"), [(tokens.READ, {"GET"}), (tokens.OPERATE, {"GET", "POST", "DELETE"})])
def test_says_who_it_is_and_what_they_may(door: TestAccount, scopes: Any, may: set[str]) -> None:
    said = asked(door, f"Bearer {token(door, scopes)}")
    assert said["principalId"] == "alice"
    assert said["context"] == {"by": ALICE["arn"], "scope": " ".join(scopes)}
    policy = Policy("its policy", said["policyDocument"], {})
    for method in ("GET", "POST", "DELETE"):
        # The answer is kept for the token, and holds for every route.
        for path in ("v1/health", "v1/findings/0a1b2c3d/undo"):
            verdict = policy.verdict("execute-api:Invoke", f"{STAGE}/{method}/{path}", {})
            assert verdict == ("allowed" if method in may else "not allowed")
    elsewhere = STAGE.replace("abc123def4", "other")
    assert policy.verdict("execute-api:Invoke", f"{elsewhere}/GET/v1/health", {}) == "not allowed"


@pytest.mark.parametrize("changes", [{"lasts": -60}, {"stage": "prod"}])
def test_what_does_not_count_is_unauthorized(door: TestAccount, changes: Any, capsys: Any) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        asked(door, f"Bearer {token(door, **changes)}")
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["level"], line["service"]) == ("INFO", "authorizer")
    assert line["message"].startswith("a token does not count: ")
    assert line["route"] == "abc123def4/api/GET/v1/health"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer a.b.c", "a.b.c"])
def test_so_is_what_is_no_token(door: TestAccount, header: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        asked(door, header)


def test_without_its_key_it_cannot_say(door: TestAccount) -> None:
    good = token(door)
    door.client("secretsmanager").delete_secret(SecretId=KEY, ForceDeleteWithoutRecovery=True)
    with pytest.raises(ParapetError, match="is Parapet deployed here"):
        asked(door, f"Bearer {good}")


def test_logs_no_token(door: TestAccount, capsys: Any) -> None:
    good = token(door)
    asked(door, f"Bearer {good}")
    assert good not in capsys.readouterr().out
