from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount, canonical
from tests.recorded import recorded
from tests.samples import ACCOUNT, cloudtrail
from tests.scenario import Scenario

NAME = "iam_password_policy_weak"
SAMPLE = recorded(NAME)
KINDS = {"RequireNumbers": True, "RequireUppercaseCharacters": True, "RequireLowercaseCharacters": True}
STRONG = {"MinimumPasswordLength": 12, "RequireSymbols": True, "MaxPasswordAge": 90, **KINDS}


def build(account: TestAccount) -> str:
    account.client("iam").update_account_password_policy(**STRONG)
    return ACCOUNT


def breach(account: TestAccount, _account: str) -> dict[str, Any]:
    account.client("iam").update_account_password_policy(MinimumPasswordLength=8, **KINDS)
    return recorded(NAME)


def breach_by_deletion(account: TestAccount, _account: str) -> dict[str, Any]:
    account.client("iam").delete_account_password_policy()
    return cloudtrail("iam:DeleteAccountPasswordPolicy", region="us-east-1")


def state(account: TestAccount, _account: str = ACCOUNT) -> Any:
    iam = account.client("iam")
    try:
        return canonical(iam.get_account_password_policy()["PasswordPolicy"])
    except iam.exceptions.NoSuchEntityException:
        return None


SCENARIO = Scenario(NAME, build, breach, state, also=(Scenario(NAME, build, breach_by_deletion, state),))


def found(policy: dict[str, Any] | None, event: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    rail = registry.get(NAME)
    return list(rail.remedies(policy, parse(event) if event else None, {**rail.options, **options}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(STRONG, id="just strong enough"),
        pytest.param({**STRONG, "MinimumPasswordLength": 20, "MaxPasswordAge": 30}, id="stronger"),
        pytest.param({"MinimumPasswordLength": 12, "RequireSymbols": True, "MaxPasswordAge": 90}, id="nothing else"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize(
    ("weak", "raised"),
    [
        ({"MinimumPasswordLength": 11}, {"MinimumPasswordLength": 12}),
        ({"RequireSymbols": None}, {"RequireSymbols": True}),
        ({"MaxPasswordAge": 91}, {"MaxPasswordAge": 90}),
        ({"MaxPasswordAge": None}, {"MaxPasswordAge": 90}),
        ({"MinimumPasswordLength": 6, "MaxPasswordAge": 60}, {"MinimumPasswordLength": 12, "MaxPasswordAge": 60}),
        ({"MinimumPasswordLength": 16, "RequireSymbols": None}, {"MinimumPasswordLength": 16, "RequireSymbols": True}),
        ({"MaxPasswordAge": None, "HardExpiry": True}, {"MaxPasswordAge": 90, "HardExpiry": True}),
    ],
)
def test_remedies_only_what_is_too_weak(weak: dict[str, Any], raised: dict[str, Any]) -> None:
    kept = {"PasswordReusePrevention": 24, "AllowUsersToChangePassword": True}
    policy = {name: value for name, value in {**STRONG, **kept, **weak}.items() if value}
    [remedy] = found(policy)
    assert [fix.params for fix in remedy.fix] == [{**STRONG, **kept, **raised}]
    assert [undo.params for undo in remedy.undo] == [policy]


def test_what_is_asked_for_can_be_set() -> None:
    assert found({"MinimumPasswordLength": 8}, minimum_length=8, symbols=False, max_age_days=0) == []
    [remedy] = found(STRONG, minimum_length=14)
    assert remedy.why == "the password policy has MinimumPasswordLength 12 instead of 14"


def test_a_missing_policy_is_weak_however_little_is_asked_for() -> None:
    [remedy] = found(None, minimum_length=6, symbols=False, max_age_days=0)
    assert [fix.params for fix in remedy.fix] == [{"MinimumPasswordLength": 8, **KINDS}]
    assert [undo.operation for undo in remedy.undo] == ["delete_account_password_policy"]


def test_a_deleted_policy(account: TestAccount) -> None:
    innocent = state(account, build(account))
    [finding] = account.deliver(breach_by_deletion(account, ACCOUNT))
    assert (finding.status, finding.why) == ("fixed", "there is no password policy")
    assert state(account) == innocent
    assert account.undo(finding).answer == "undone"
    assert state(account) is None


def test_every_other_setting_survives_fix_and_undo(account: TestAccount) -> None:
    policy = {"MinimumPasswordLength": 16, "PasswordReusePrevention": 5, "AllowUsersToChangePassword": True}
    account.client("iam").update_account_password_policy(**policy, HardExpiry=True)
    before = state(account)
    account.enforce()
    [finding] = account.sweep(NAME)
    assert state(account) == {**before, "RequireSymbols": True, "MaxPasswordAge": 90, "ExpirePasswords": True}
    assert account.undo(finding).answer == "undone"
    assert state(account) == before


WEAK = {"MinimumPasswordLength": 8, **KINDS}


@pytest.mark.parametrize(
    ("policy", "event", "brought"),
    [
        pytest.param(WEAK, SAMPLE, True, id="this very update"),
        pytest.param(
            {"MinimumPasswordLength": 6, "RequireSymbols": True, "MaxPasswordAge": 90},
            cloudtrail("iam:UpdateAccountPasswordPolicy", {"requireSymbols": True, "maxPasswordAge": 90}),
            True,
            id="what an update leaves out is reset",
        ),
        pytest.param(
            WEAK,
            cloudtrail("iam:UpdateAccountPasswordPolicy", {"minimumPasswordLength": 14, "requireSymbols": True}),
            False,
            id="a strong update that came late",
        ),
        pytest.param(WEAK, cloudtrail("iam:DeleteAccountPasswordPolicy"), False, id="a deletion that came late"),
        pytest.param(None, cloudtrail("iam:DeleteAccountPasswordPolicy"), True, id="this very deletion"),
        pytest.param(None, SAMPLE, False, id="an update before the deletion"),
    ],
)
def test_knows_who_brought_it(policy: dict[str, Any] | None, event: dict[str, Any], brought: bool) -> None:
    [remedy] = found(policy, event)
    assert remedy.brought is brought
