"""Who may assume a role."""

from __future__ import annotations

from typing import Any

import pytest

from local.iam import CannotEvaluate
from local.iam.trust import Caller, Trust

ROLE = "arn:aws:iam::210987654321:role/member"
HUB = "arn:aws:iam::123456789012:role/guard"


def admits(principal: Any, caller: str = HUB, held: str | None = "secret", **changes: Any) -> bool:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "secret"}},
        **changes,
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return Trust("a trust", document, {}).admits(Caller(caller), ROLE, {"sts:externalid": held})


@pytest.mark.parametrize(
    "principal",
    [{"AWS": HUB}, {"AWS": ["arn:aws:iam::123456789012:root"]}, {"AWS": "123456789012"}, {"AWS": "*"}],
)
def test_whom_the_policy_names(principal: Any) -> None:
    assert admits(principal)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::210987654321:root"},
        {"AWS": HUB + "2"},
        {"AWS": "210987654321"},
        {"Service": "lambda.amazonaws.com"},
    ],
)
def test_not_whom_it_does_not_name(principal: Any) -> None:
    assert not admits(principal)


@pytest.mark.parametrize("held", ["guessed", None])
def test_not_without_what_it_asks_for(held: str | None) -> None:
    assert not admits({"AWS": HUB}, held=held)


def test_not_whom_it_denies() -> None:
    assert not admits({"AWS": HUB}, Effect="Deny")


@pytest.mark.parametrize(
    ("principal", "changes"),
    [
        ({"Federated": "x"}, {}),
        ({"AWS": "arn:aws:iam::123456789012:role/*"}, {}),
        ("*", {}),
        (None, {}),
        ({"AWS": HUB}, {"Resource": "*"}),
    ],
)
def test_what_is_not_known_is_refused(principal: Any, changes: Any) -> None:
    with pytest.raises(CannotEvaluate):
        admits(principal, **changes)
