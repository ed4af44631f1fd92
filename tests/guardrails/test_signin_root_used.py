from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import SIGN_IN, parse
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT, ROOT, cloudtrail
from tests.scenario import Scenario

NAME = "signin_root_used"
SAMPLE = recorded(NAME)
SESSION = {"sessionContext": {"attributes": {"creationDate": "2026-11-18T11:06:41Z", "mfaAuthenticated": "true"}}}
CONSOLE = {**ROOT, "accessKeyId": "ASIAEXAMPLEROOT00000", **SESSION}


def build(_account: TestAccount) -> str:
    return ACCOUNT


def breach(_account: TestAccount, _resource: str) -> dict[str, Any]:
    return recorded(NAME)


def state(_account: TestAccount, _resource: str) -> None:
    return None


SCENARIO = Scenario(NAME, build, breach, state)


def sign_in(name: str, answer: str) -> dict[str, Any]:
    more: dict[str, Any] = {"detail_type": SIGN_IN, "region": "us-east-1", "eventType": "AwsConsoleSignIn"}
    return cloudtrail(f"signin:{name}", None, {name: answer}, identity=ROOT, **more)


def bucket(**more: Any) -> dict[str, Any]:
    return cloudtrail("s3:CreateBucket", {"bucketName": "b"}, **{"identity": CONSOLE, **more})


def found(event: dict[str, Any]) -> list[Any]:
    return list(registry.get(NAME).remedies(None, parse(event), {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(sign_in("ConsoleLogin", "Failure"), id="a failed sign-in"),
        pytest.param(sign_in("CheckMfa", "Success"), id="the question for the second factor"),
        pytest.param(sign_in("PasswordRecoveryRequested", "Success"), id="somebody forgot the password"),
        pytest.param(bucket(identity={**ROOT, "invokedBy": "autoscaling.amazonaws.com"}), id="a service for root"),
        pytest.param(bucket(eventType="AwsServiceEvent"), id="a service of its own accord"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


def test_leaves_alone_who_is_not_root() -> None:
    event = parse(cloudtrail("s3:CreateBucket", {"bucketName": "b"}))
    assert registry.woken(registry.of("signin"), event) == []


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (SAMPLE, "root signed in to the console from 198.51.100.7"),
        (bucket(), "root called CreateBucket of aws.s3 from 198.51.100.7"),
        (
            bucket(identity={**ROOT, "accessKeyId": "AKIAEXAMPLEROOT00000"}),
            "root called CreateBucket of aws.s3 from 198.51.100.7 "
            "with the access key AKIAEXAMPLEROOT00000, which should not exist",
        ),
        (
            sign_in("PasswordRecoveryCompleted", "Success"),
            "root called PasswordRecoveryCompleted of aws.signin from 198.51.100.7",
        ),
        (bucket(identity={**ROOT, "sessionContext": None}), "root called CreateBucket of aws.s3 from 198.51.100.7"),
    ],
)
def test_tells_what_root_did(event: dict[str, Any], why: str) -> None:
    [remedy] = found(event)
    assert (remedy.why, remedy.part) == (why, "2026-11-18 198.51.100.7")
    assert (remedy.fix, remedy.undo) == ((), ())


def test_a_session_is_one_finding_and_what_follows_joins(account: TestAccount) -> None:
    account.deliver(SAMPLE)
    account.clock.forward(60)
    account.deliver(bucket())
    account.deliver(bucket(at=1_795_000_000.0 + 20 * 3600))
    [finding] = account.deliver(SAMPLE)
    assert (finding.status, finding.violation.region, finding.violation.resource) == ("noted", "global", ACCOUNT)
    assert finding.actor is not None
    assert finding.actor.who == "root"
    assert [step.status for step in finding.history] == ["noted", "noted", "noted"]


def test_another_address_is_another_finding(account: TestAccount) -> None:
    account.deliver(SAMPLE)
    event = bucket()
    findings = account.deliver({**event, "detail": {**event["detail"], "sourceIPAddress": "198.51.100.66"}})
    assert {finding.violation.part for finding in findings} == {
        "2026-11-18 198.51.100.7",
        "2026-11-18 198.51.100.66",
    }
