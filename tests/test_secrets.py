"""Where a secret is kept, how it is read and read anew, and that the value shows itself to nobody."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from chalicelib import secrets
from chalicelib.model import ParapetError
from chalicelib.secrets import HIDDEN, Kept, Secret, place, redacted
from chalicelib.settings import Settings
from deploy import rights
from tests.account import TestAccount

VALUE = 'Canary"Value/1+2'
WHAT = "Slack's bot token"


@dataclass
class Holder:
    """Something that a defect would print."""

    token: Secret


class TestSecret:
    @pytest.mark.parametrize(
        "show",
        [str, repr, "{}".format, "{!s}".format, "%s".__mod__, lambda one: f"{[one]} {(one,)} {Holder(one)}", ascii,
         lambda one: json.dumps({"a": one}, default=str), lambda one: str(ParapetError(one))],
    )  # fmt: skip
    def test_shows_itself_to_nobody(self, show: Callable[[Any], str]) -> None:
        assert VALUE not in show(Secret(VALUE))
        assert HIDDEN in show(Secret(VALUE))

    @pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps, json.dumps, lambda o: asdict(Holder(o))])
    def test_is_not_taken_along(self, take: Callable[[Any], Any]) -> None:
        with pytest.raises(TypeError) as caught:
            take(Secret(VALUE))
        assert VALUE not in str(caught.value)

    def test_is_revealed_and_compared(self) -> None:
        assert Secret(VALUE).reveal() == VALUE
        assert Secret(VALUE) == Secret(VALUE)
        assert len({Secret(VALUE), Secret(VALUE), Secret("another-one")}) == 2
        assert Secret(VALUE) != VALUE

    @pytest.mark.parametrize("shape", [VALUE, json.dumps(VALUE), "https://x/?t=Canary%22Value%2F1%2B2", f"a{VALUE}b"])
    def test_is_taken_out_of_a_text(self, shape: str) -> None:
        Secret(VALUE)
        assert "Canary" not in redacted(f"before {shape} after")
        assert redacted(f"before {shape} after").startswith("before ")

    def test_that_begins_like_another_is_taken_out_whole(self) -> None:
        Secret("twofold-1")
        Secret("twofold-1-and-more")
        assert redacted("twofold-1-and-more") == HIDDEN

    @pytest.mark.parametrize(
        "token", ["xoxb-1234567890-abcDEF", "xoxp-1-2-345678", "xapp-1-A0000-123456", "xoxe.xoxb-1-abcdefgh"]
    )
    def test_of_slacks_shape_is_taken_out_even_if_unknown(self, token: str) -> None:
        assert redacted(f"Bearer {token}, x") == f"Bearer {HIDDEN}, x"

    def test_other_texts_stay(self) -> None:
        text = "the xoxb-… token is in /parapet/slack-token"
        assert redacted(text) == text


class TestPlace:
    @pytest.mark.parametrize(
        ("reference", "meant"),
        [
            ("/parapet/slack-token", ("ssm", "/parapet/slack-token")),
            ("ssm:/parapet/slack-token", ("ssm", "/parapet/slack-token")),
            ("secretsmanager:parapet/slack", ("secretsmanager", "parapet/slack")),
            (
                "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf",
                ("secretsmanager", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf"),
            ),
        ],
    )
    def test_forms(self, reference: str, meant: tuple[str, str]) -> None:
        assert place(reference) == meant

    @pytest.mark.parametrize("reference", ["", "vault:token", "ssm:", "arn:aws:ssm:eu-west-1:123456789012:parameter/x"])
    def test_anything_else_is_refused(self, reference: str) -> None:
        with pytest.raises(ParapetError, match="names no secret: ssm:/a/parameter or secretsmanager:a-secret would"):
            place(reference)


@dataclass
class Store:
    """One of the stores with one secret in it."""

    account: TestAccount
    reference: str

    def put(self, value: str) -> None:
        kind, name = place(self.reference)
        client = self.account.client(kind)
        if kind == "ssm":
            client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        else:
            client.put_secret_value(SecretId=name, SecretString=value)

    def kept(self) -> Kept:
        return Kept(self.account.client, self.reference, WHAT)

    def reads(self) -> int:
        return sum(made.operation in ("GetParameter", "GetSecretValue") for made in self.account.wire.calls)


@pytest.fixture(params=["/parapet/slack-token", "ssm:/elsewhere", "secretsmanager:parapet/slack-token"])
def store(request: pytest.FixtureRequest, account: TestAccount) -> Store:
    kind, name = place(request.param)
    if kind == "secretsmanager":
        account.client(kind).create_secret(Name=name)
    made = Store(account, request.param)
    made.put(VALUE)
    account.wire.reset()
    return made


class TestKept:
    def test_is_read_when_first_needed_and_then_kept(self, store: Store) -> None:
        kept = store.kept()
        assert store.reads() == 0
        assert [kept().reveal() for _ in range(3)] == [VALUE] * 3
        assert store.reads() == 1

    def test_is_read_anew_when_asked(self, store: Store) -> None:
        kept = store.kept()
        kept()
        store.put("the-rotated-one")
        assert kept().reveal() == VALUE
        assert kept(anew=True).reveal() == "the-rotated-one"
        assert kept().reveal() == "the-rotated-one"
        assert store.reads() == 2

    def test_is_read_anew_after_five_minutes(self, store: Store) -> None:
        kept = store.kept()
        kept()
        store.put("the-rotated-one")
        cache = kept._provider.store
        [(key, old)] = cache.items()
        assert 290 < (old.ttl - old.ttl.now()).total_seconds() <= 300
        cache[key] = old._replace(ttl=old.ttl.now())
        assert kept().reveal() == "the-rotated-one"

    def test_that_is_not_there_says_where_and_what_to_mend(self, store: Store) -> None:
        kept = Kept(store.account.client, f"{store.reference}-typo", WHAT)
        with pytest.raises(ParapetError) as caught:
            kept()
        text = str(caught.value)
        assert text.startswith(f"{WHAT} cannot be read from {kept.where}: ")
        assert kept.where.endswith("-typo")
        assert secrets.ACTIONS[place(store.reference)[0]] in text

    @pytest.mark.parametrize(
        "value",
        [" ", "tiny-1", "two words and more", "Canary\nX-Evil: 1", '{"a": 1}', '{"a":"123456"}', "Canarysécret"],
    )
    def test_that_cannot_be_one_is_refused_and_not_shown_nor_kept(self, store: Store, value: str) -> None:
        store.put(value)
        kept = store.kept()
        with pytest.raises(ParapetError, match=f"does not hold {WHAT}") as caught:
            kept()
        assert not value.strip() or value.strip() not in str(caught.value)
        store.put(VALUE)
        assert kept().reveal() == VALUE

    def test_in_binary_is_refused(self, account: TestAccount) -> None:
        account.client("secretsmanager").create_secret(Name="binary", SecretBinary=b"0123456789")
        with pytest.raises(ParapetError, match="does not hold"):
            Kept(account.client, "secretsmanager:binary", WHAT)()

    def test_loses_a_line_end(self, store: Store) -> None:
        store.put(VALUE + "\n")
        assert store.kept()().reveal() == VALUE


class TestRights:
    @pytest.mark.parametrize(
        ("reference", "action", "resource"),
        [
            ("", "ssm:GetParameter", ":ssm:${AWS::Region}:${AWS::AccountId}:parameter${SlackToken}"),
            ("ssm:/a/b", "ssm:GetParameter", ":ssm:${AWS::Region}:${AWS::AccountId}:parameter/a/b"),
            ("flat", "ssm:GetParameter", ":ssm:${AWS::Region}:${AWS::AccountId}:parameter/flat"),
            (
                "secretsmanager:a/b",
                "secretsmanager:GetSecretValue",
                ":secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:a/b-??????",
            ),
        ],
    )
    def test_are_to_read_this_one_secret(self, reference: str, action: str, resource: str) -> None:
        policies = rights.policies(Settings(slack_token=reference))
        [token] = [one for one in policies["notify"]["Statement"] if one["Sid"] == "Token"]
        assert (token["Action"], token["Resource"]) == ([action], {"Fn::Sub": "arn:${AWS::Partition}" + resource})
        reading = {
            name
            for name, policy in policies.items()
            for one in policy["Statement"]
            if action in one["Action"] and one["Sid"] != "TokenKey"
        }
        # The API answers Slack's calls; PagerDuty's key is another's secret.
        assert reading - {"notify_pagerduty"} == {"notify", "api_handler"}

    def test_the_key_of_tokens_is_for_who_makes_and_who_reads_them(self) -> None:
        policies = rights.policies(Settings())
        reading = {name for name, policy in policies.items() if {"Ref": "TokenKey"} in [
            one["Resource"] for one in policy["Statement"]
        ]}  # fmt: skip
        assert reading == {"api_handler", "authorizer"}

    def test_to_a_secret_named_by_its_arn(self) -> None:
        arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf"
        policy = rights.policies(Settings(slack_token=f"secretsmanager:{arn}"))["notify"]
        assert [one["Resource"] for one in policy["Statement"] if one["Sid"] == "Token"] == [arn]
