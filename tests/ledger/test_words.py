"""No secret is ever kept, whatever holds it; and any frame is either a change or a clear refusal."""

from __future__ import annotations

import copy
import json
import string
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.ledger import entry
from chalicelib.ledger.book import Book
from chalicelib.ledger.model import ARN, WORD, Change
from chalicelib.ledger.touched import LONGEST, MOST, name
from chalicelib.ledger.words import HIDDEN, LINE, clean, said, secret
from chalicelib.model import BadEvent, plain
from tests.ledger.shelf import NAME, Shelf
from tests.ledger.test_entry import CALLED, CORPUS, sample
from tests.samples import cloudtrail
from tests.test_hostile_events import mutate, paths

TOLD = ["codedeploy-failure", "ecs-deployment-failed", "ecs-task-exit", "cloudformation-stuck", "rds-failure"]
FRAMES = [sample(one) for one in CALLED] + [
    json.loads((CORPUS / f"{one}.json").read_text("utf-8")) for one in (*TOLD, "health-issue-open", "health-abuse")
]
# What speaks of a secret, in the spellings of several services.
SPEAKING = (
    "password", "masterUserPassword", "MasterUserPassword", "secretString", "SecretString", "secretBinary", "authToken",
    "accessToken", "sessionToken", "userData", "user_data", "privateKey", "keyMaterial", "apiKey", "credentials",
    "environment", "Environment", "environmentVariables", "containerEnvironment", "startupScript", "plaintext",
    "connectionString", "payload", "templateBody", "zipFile", "secretAccessKey", "certificateBody", "signature",
    "command", "entryPoint", "loginToken", "passphrase", "oAuthToken", "secretHash", "stringValueSecret",
    "preSharedKey", "arguments", "defaultArguments", "hyperParameters", "connectorConfiguration", "initialPin",
    "airflowConfigurationOptions", "extraConnectionAttributes",
)  # fmt: skip
# As secrets look: AWS's, GitHub's, Slack's, a JSON Web Token, a private key, an address with a password in it.
SHAPED = (
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_" + "a1B2" * 9,
    "xoxb-" + "1234567890" + "-synthetic",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c3ludGhldGlj",
    "-----BEGIN RSA PRIVATE KEY----- synthetic",
    "postgres://shop:synthetic-canary@db.example.com/shop",
    "password=synthetic-canary",
    '{"Password": "synthetic-canary"}',
    "sk_live_" + "a1b2c3d4e5f6",
)
CANARY = "synthetic-canary"


def texts(change: Change) -> str:
    return json.dumps(plain(change))


def judge(change: Change) -> None:
    """Whatever it was made from: bounded, on one line, and fit for the table."""
    assert len(change.what) <= LINE
    assert len(change.resources) <= MOST
    assert all(0 < len(one) <= LONGEST for one in change.resources)
    for field in fields(Change):
        value = getattr(change, field.name)
        if isinstance(value, str):
            assert len(value) <= max(ARN, LINE, WORD)
            assert value.isprintable(), field.name
    book = Book(Shelf(), NAME)
    book.write([change])
    if 0 <= change.at < 4e9:
        assert book.between(change.at, change.at + 0.001).changes[0].id == change.id


@given(st.sampled_from(FRAMES), st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_any_mutated_frame_is_a_change_or_a_clear_refusal(frame: dict[str, Any], data: Any) -> None:
    raw = mutate(frame, data.draw)
    try:
        change = entry.change(raw)
    except BadEvent as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    judge(change)


def planted(frame: dict[str, Any], key: str, value: Any, data: Any) -> dict[str, Any]:
    """A frame with something somewhere in what was asked or answered."""
    raw = copy.deepcopy(frame)
    part = data.draw(st.sampled_from(["requestParameters", "responseElements"]))
    if not isinstance(raw["detail"].get(part), dict):
        raw["detail"][part] = {}
    inside = [at for at in paths(raw["detail"][part]) if isinstance(_at(raw["detail"][part], at), dict)]
    node = _at(raw["detail"][part], data.draw(st.sampled_from([(), *inside])))
    node[key] = value
    return raw


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


NESTED = st.recursive(
    st.just(CANARY),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "value", "functionName", "DB_NAME", "items", "id"]), inner, min_size=1
        )
        | inner.map(json.dumps)
    ),
    max_leaves=4,
)


@given(st.sampled_from(FRAMES[: len(CALLED)]), st.sampled_from(SPEAKING), NESTED, st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_what_a_name_calls_secret_is_kept_nowhere(frame: dict[str, Any], key: str, value: Any, data: Any) -> None:
    change = entry.change(planted(frame, key, value, data))
    assert CANARY not in texts(change)
    judge(change)


@given(
    st.sampled_from(FRAMES[: len(CALLED)]), st.text(string.ascii_letters, min_size=1, max_size=9),
    st.sampled_from(SHAPED), st.sampled_from(["", "Name", "Id", "Arn"]), st.data(),
)  # fmt: skip
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_what_looks_like_a_secret_is_kept_nowhere(
    frame: dict[str, Any], key: str, value: str, end: str, data: Any
) -> None:
    change = entry.change(planted(frame, key + end, value, data))
    assert CANARY not in texts(change)
    assert value not in texts(change)


@pytest.mark.parametrize("place", ["userAgent", "sourceIPAddress", "errorCode", "eventSource", "eventName"])
@pytest.mark.parametrize("value", SHAPED)
def test_nor_where_the_record_itself_holds_it(place: str, value: str) -> None:
    raw = cloudtrail("s3:DeleteBucket", {"bucketName": "x"})
    raw["detail"][place] = value
    raw["detail"]["userIdentity"]["userName"] = value
    assert value not in texts(entry.change(raw))


@pytest.mark.parametrize("key", SPEAKING)
def test_a_name_that_speaks_of_a_secret(key: str) -> None:
    assert secret(key)
    assert said("s3.amazonaws.com", {key: CANARY}) == f"{key}={HIDDEN}"


def test_parameters_of_any_name_are_not_shown() -> None:
    assert said("ssm.amazonaws.com", {"parameters": {"Anything": [CANARY]}}) == f"parameters={HIDDEN}"
    tuned = {"parameters": [{"parameterName": "max_connections", "parameterValue": "50"}]}
    assert said("rds.amazonaws.com", tuned) == "max_connections=50"


@pytest.mark.parametrize(
    "key",
    ["secretId", "description", "subscriptionArn", "environmentName", "certificateArn", "httpTokens", "bucketName"],
)
def test_a_name_that_does_not(key: str) -> None:
    assert not secret(key)


@pytest.mark.parametrize(
    "text",
    [
        "sg-0123456789abcdef0",
        "arn:aws:iam::123456789012:role/Team/Platform/DeploymentsOfProduction2024Role",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188",
        "ShopStack-PaymentsFunction83F2A1B0",
        "00000000-0000-4000-8000-000000000001",
        "/aws/lambda/ShopPayments2024Function",
        "0.0.0.0/0",
        "AKIAEXAMPLEALICE0000",
        "2026-11-21T10:00:00Z",
        "token bucket of the API",
    ],
)
def test_what_people_name_things_by_stays(text: str) -> None:
    assert clean(text, 300) == text


@given(st.text(max_size=400) | st.text("aA1/+=:. ", min_size=20, max_size=400))
@settings(max_examples=200, deadline=None, database=None)
def test_cleaning_is_bounded_printable_and_once(text: str) -> None:
    found = clean(text, 80)
    assert len(found) <= 80
    assert found.isprintable()
    assert "\n" not in found
    assert name(text) == name(text).lower()


def test_a_parameter_as_deep_and_as_long_as_eventbridge_carries() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"items": [deep]}
    long = {"value": "aB1/" * 60_000, "policy": '{"a":' * 5000, "bucketName": "shop-logs"}
    change = entry.change(cloudtrail("s3:DeleteBucket", {"deep": deep, **long}))
    assert change.resources == ("shop-logs",)
    judge(change)
