from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount, canonical
from tests.alarmed import Alarmed
from tests.samples import ACCOUNT

NAME = "lambda_alias_failing"
AT = 1_795_000_000.0
FIRED = Firing("checkout-failing", AT, {})


def code(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", text)
    return packed.getvalue()


def build(account: TestAccount) -> str:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    account.client("iam").create_role(RoleName="checkout", AssumeRolePolicyDocument=trust)
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="checkout", Runtime="python3.13", Handler="index.handler", Code={"ZipFile": code("1")},
        Role=f"arn:aws:iam::{ACCOUNT}:role/checkout", Publish=True,
    )  # fmt: skip
    for number in ("2", "3"):
        functions.update_function_code(FunctionName="checkout", ZipFile=code(number), Publish=True)
    functions.create_alias(FunctionName="checkout", Name="live", FunctionVersion="2")
    return "checkout:live"


def move(account: TestAccount, _name: str) -> None:
    account.client("lambda").update_alias(FunctionName="checkout", Name="live", FunctionVersion="3")


def share(account: TestAccount, _name: str) -> None:
    routing = {"AdditionalVersionWeights": {"3": 0.5}}
    account.client("lambda").update_alias(FunctionName="checkout", Name="live", RoutingConfig=routing)


def back(account: TestAccount, _name: str) -> None:
    account.client("lambda").update_alias(
        FunctionName="checkout", Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )


def alias(account: TestAccount, _name: str) -> Any:
    found = account.client("lambda").get_alias(FunctionName="checkout", Name="live")
    weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return canonical([found["FunctionVersion"], weights])


def dimensions(name: str) -> dict[str, str]:
    return {"FunctionName": name.split(":")[0], "Resource": name}


ALARMED = Alarmed(
    NAME, build, move, back, alias, dimensions, also=(Alarmed(NAME, build, share, back, alias, dimensions),)
)


def found(
    version: str = "7", ago: float = 5.0, older: tuple[int, ...] = (3, 6, 8), weights: dict[str, float] | None = None
) -> list[Any]:
    published = {**dict.fromkeys(older, AT - 86400), 7: AT - ago * 60}
    state = {
        "function": "checkout", "name": "live", "version": version, "published": published,
        "weights": weights or {},
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, FIRED, {"within": 60}))


@pytest.mark.parametrize(
    ("version", "weights"), [("7", {}), ("6", {"7": 0.1}), ("7", {"6": 0.1})], ids=["moved", "shared", "shared back"]
)
def test_remedies_by_the_version_before(version: str, weights: dict[str, float]) -> None:
    [remedy] = found(version, weights=weights)
    assert remedy.after == {"version": "6", "weights": {}}
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params["FunctionVersion"] == "6"
    assert fix.params["RoutingConfig"] == {"AdditionalVersionWeights": {}}
    assert undo.params["FunctionVersion"] == version
    assert undo.params["RoutingConfig"] == {"AdditionalVersionWeights": remedy.before["weights"]}


@pytest.mark.parametrize(
    ("version", "ago", "older", "told"),
    [
        ("7", 61, (6,), "more than 60 minutes before"),
        ("9", 5, (6,), "more than 60 minutes before"),
        ("7", 5, (8, 9), "there is no version before 7"),
        ("$LATEST", 5, (6,), "$LATEST is no version"),
    ],
)
def test_leaves_alone_and_tells_where_it_would_be_a_guess(
    version: str, ago: float, older: tuple[int, ...], told: str
) -> None:
    [remedy] = found(version, ago, older)
    assert remedy.fix == ()
    assert told in remedy.why
