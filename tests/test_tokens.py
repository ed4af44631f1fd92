"""Tokens: what counts, what does not, and which keys they are signed with."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import secrets, token_keys, tokens
from chalicelib.model import ParapetError
from chalicelib.secrets import Secret
from chalicelib.token_keys import Keys
from chalicelib.tokens import OPERATE, READ, Bearer, Key, NotValid
from tests.account import NOW, Clock, TestAccount

OURS = tokens.issuer("test", "123456789012")
KEY = Key("1", Secret("k" * 64))
OTHER = Key("2", Secret("o" * 64))
ALICE = Bearer("alice", "arn:aws:iam::123456789012:user/alice", READ, NOW + 3600)


def keys(name: str) -> Key | None:
    return {"1": KEY}.get(name)


def read(token: str, now: float = NOW) -> Bearer:
    return tokens.read(token, OURS, keys, now)


def token(key: Key = KEY, of: str = OURS, **changes: Any) -> str:
    """A token of alice's, with other claims (None: without), signed with a key."""
    claims = {
        "sub": ALICE.who, "by": ALICE.by, "scope": "read", "iat": int(NOW), "exp": int(ALICE.until), "jti": "7",
        "iss": of, **changes,
    }  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key.secret.reveal(), "HS256", {"kid": key.name})


class TestCounts:
    @pytest.mark.parametrize("scopes", [READ, OPERATE])
    def test_what_was_issued(self, scopes: Any) -> None:
        bearer = Bearer("Jörg in Slack", "slack:U012AB3CD", scopes, NOW + 900)
        made = tokens.issued(bearer, OURS, NOW, "7", KEY)
        assert read(made) == bearer
        assert jwt.get_unverified_header(made) == {"alg": "HS256", "kid": "1", "typ": "JWT"}

    def test_until_it_expires_give_or_take_the_clocks(self) -> None:
        made = token()
        assert read(made, ALICE.until + tokens.SKEW - 1) == ALICE
        with pytest.raises(NotValid, match="it has expired"):
            read(made, ALICE.until + tokens.SKEW)
        assert read(made, NOW - tokens.SKEW) == ALICE
        with pytest.raises(NotValid, match="its times are not ours"):
            read(made, NOW - tokens.SKEW - 1)


class TestDoesNotCount:
    @pytest.mark.parametrize("name", tokens.CLAIMS)
    def test_what_lacks_a_claim(self, name: str) -> None:
        with pytest.raises(NotValid):
            read(token(KEY, OURS, **{name: None}))

    @pytest.mark.parametrize(
        "changes",
        [
            {"scope": "operate"}, {"scope": "read operate admin"}, {"scope": ""}, {"scope": ["read"]}, {"sub": ""},
            {"by": 7}, {"exp": str(int(NOW) + 60)}, {"exp": NOW + 0.5}, {"exp": True}, {"iat": "now"},
            {"exp": int(NOW + tokens.LONGEST) + 1}, {"iss": tokens.issuer("prod", "123456789012")},
            {"iss": tokens.issuer("test", "210987654321")},
        ],
    )  # fmt: skip
    def test_what_ours_never_say(self, changes: dict[str, Any]) -> None:
        with pytest.raises(NotValid):
            read(token(**changes))

    def test_another_key(self) -> None:
        with pytest.raises(NotValid, match="a key that is not, or no longer, ours"):
            read(token(OTHER))
        with pytest.raises(NotValid, match="InvalidSignatureError"):
            read(token(Key("1", OTHER.secret)))

    @pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256"])
    def test_another_algorithm(self, algorithm: str) -> None:
        def part(what: Any) -> str:
            return base64.urlsafe_b64encode(json.dumps(what).encode()).decode().rstrip("=")

        header, claims, signature = token().split(".")
        forged = part({"alg": algorithm, "kid": "1", "typ": "JWT"})
        for end in ("", signature):
            with pytest.raises(NotValid):
                read(f"{forged}.{claims}.{end}")
        if algorithm.startswith("HS"):
            made = jwt.encode({"sub": "x"}, KEY.secret.reveal(), algorithm, {"kid": "1"})
            with pytest.raises(NotValid, match="InvalidAlgorithmError"):
                read(made)
        assert read(f"{header}.{claims}.{signature}") == ALICE

    def test_any_letter_changed(self) -> None:
        made = token()
        for at in range(0, len(made) - 1, 3):
            changed = made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :]
            with pytest.raises(NotValid):
                read(changed)

    @given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,9}\.[A-Za-z0-9_-]{0,9}\.[A-Za-z0-9_-]{0,9}", fullmatch=True))
    def test_anything_else(self, text: str) -> None:
        with pytest.raises(NotValid):
            read(text)

    def test_what_is_nested_deeper_than_python_reads(self) -> None:
        deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
        with pytest.raises(NotValid):
            read(f"{deep}.e30.x")

    def test_says_nothing_of_the_token(self) -> None:
        with pytest.raises(NotValid) as told:
            read(token(sub="a-secret-name", exp=int(NOW) - 60))
        assert "a-secret-name" not in str(told.value)


class Store:
    """Secrets Manager with the versions of one secret."""

    account, region = "123456789012", "eu-west-1"

    def __init__(self, **stages: str) -> None:
        self.stages, self.asked = stages, 0

    def __call__(self, service: str, operation: str, /, *, absent: Any = (), **params: Any) -> dict[str, Any]:
        assert (service, operation, params["SecretId"]) == ("secretsmanager", "get_secret_value", "s")
        self.asked += 1
        value = self.stages.get(params["VersionStage"])
        return {"SecretString": value, "VersionId": value[0]} if value else {}

    def all(self, *_: Any, **__: Any) -> list[Any]:
        raise NotImplementedError


class TestKeys:
    def test_are_kept_for_a_while(self) -> None:
        store, clock = Store(AWSCURRENT="a" * 40), Clock(0.0)
        found = Keys(store, "s", clock)
        assert (found.current().name, found.named("a"), store.asked) == ("a", found.current(), 2)
        clock.at = secrets.AGE
        found.current()
        assert store.asked == 4

    def test_the_one_before_counts_until_the_next_rotation(self) -> None:
        store, clock = Store(AWSCURRENT="b" * 40, AWSPREVIOUS="a" * 40), Clock(0.0)
        found = Keys(store, "s", clock)
        assert found.current().name == "b"
        assert [one and one.name for one in map(found.named, "abc")] == ["a", "b", None]
        store.stages = {"AWSCURRENT": "c" * 40, "AWSPREVIOUS": "b" * 40}
        clock.at = secrets.AGE
        assert [one and one.name for one in map(found.named, "abc")] == [None, "b", "c"]

    def test_an_unknown_name_has_them_read_anew_but_seldom(self) -> None:
        store, clock = Store(AWSCURRENT="a" * 40), Clock(0.0)
        found = Keys(store, "s", clock)
        found.current()
        store.stages = {"AWSCURRENT": "b" * 40, "AWSPREVIOUS": "a" * 40}
        assert found.named("b") is None
        assert store.asked == 2
        clock.at = token_keys.READ_ANEW
        new = found.named("b")
        assert (new and new.name, store.asked) == ("b", 4)
        for _ in range(100):
            assert found.named("made-up") is None
        assert store.asked == 4

    @pytest.mark.parametrize(
        ("store", "text"),
        [
            (Store(), "does not exist: is Parapet deployed here"),
            (Store(AWSCURRENT="short"), "holds no key of tokens: 32 characters at least"),
        ],
    )
    def test_that_are_not_there_are_told(self, store: Store, text: str) -> None:
        with pytest.raises(ParapetError, match=text):
            Keys(store, "s", Clock(0.0)).current()
        with pytest.raises(ParapetError, match="PARAPET_TOKEN_KEY is not set"):
            Keys(store, "", Clock(0.0)).current()

    def test_in_secrets_manager(self, account: TestAccount) -> None:
        manager = account.client("secretsmanager")
        manager.create_secret(Name="s", SecretString="a" * 40)
        found = Keys(account.ours, "s", Clock(0.0))
        first = found.current()
        manager.put_secret_value(SecretId="s", SecretString="b" * 40)
        again = Keys(account.ours, "s", Clock(0.0))
        assert again.current().secret == Secret("b" * 40)
        assert again.named(first.name) == first
