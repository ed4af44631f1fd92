from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT, ROOT, assumed
from tests.scenario import Scenario

NAME = "signin_without_mfa"
SAMPLE = recorded(NAME)


def build(_account: TestAccount) -> str:
    return ACCOUNT


def breach(_account: TestAccount, _resource: str) -> dict[str, Any]:
    return recorded(NAME)


def state(_account: TestAccount, _resource: str) -> None:
    return None


SCENARIO = Scenario(NAME, build, breach, state)


def sign_in(**changes: Any) -> dict[str, Any]:
    return {**SAMPLE, "detail": {**SAMPLE["detail"], **changes}}


def found(event: dict[str, Any]) -> list[Any]:
    return list(registry.get(NAME).remedies(None, parse(event), {}))


FEDERATED = {**assumed("admin"), "type": "FederatedUser"}


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(sign_in(additionalEventData={"MFAUsed": "Yes"}), id="with MFA"),
        pytest.param(sign_in(additionalEventData=None), id="nothing is said about MFA"),
        pytest.param(sign_in(responseElements={"ConsoleLogin": "Failure"}), id="a failed sign-in"),
        pytest.param(sign_in(responseElements=None), id="no answer"),
        pytest.param(sign_in(userIdentity=assumed("admin", "alice@example.org")), id="by SAML"),
        pytest.param(sign_in(userIdentity=FEDERATED), id="by federation"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


def test_leaves_alone_other_sign_in_events() -> None:
    event = parse(sign_in(eventName="CheckMfa"))
    assert NAME not in [rail.name for rail, _ in registry.woken(registry.of("signin"), event)]


def test_tells_of_a_user(account: TestAccount) -> None:
    account.deliver(SAMPLE)
    [finding] = account.deliver(SAMPLE)
    assert (finding.status, finding.violation.region, finding.violation.resource) == ("noted", "global", "user/alice")
    assert finding.why == "alice signed in to the console from 198.51.100.7 without MFA"
    assert len(account.notices()) == 1


def test_every_sign_in_is_told(account: TestAccount) -> None:
    account.deliver(SAMPLE)
    again = sign_in(eventID="00000000-0000-4000-9000-000000009999", eventTime="2026-11-18T11:09:00Z")
    findings = account.deliver(again)
    assert {finding.violation.part for finding in findings} == {"2026-11-18T11:06:40Z", "2026-11-18T11:09:00Z"}


def test_tells_of_root(account: TestAccount) -> None:
    findings = account.deliver(sign_in(userIdentity=ROOT))
    assert {(finding.violation.guardrail, finding.violation.resource) for finding in findings} == {
        (NAME, ACCOUNT),
        ("signin_root_used", ACCOUNT),
    }
