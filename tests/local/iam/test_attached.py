"""The journal's own policy, judged as AWS would: who may write to the table whatever else IAM lets them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from deploy.resources.storage import WRITES
from local.iam import CannotEvaluate, requests
from local.iam.attached import Attached
from local.iam.enforcer import Role, denial
from local.iam.policy import Need, Policy
from local.iam.resources import Place
from tests.rights import KNOWN, TEMPLATE, WORLD
from tests.samples import ACCOUNT, REGION
from tests.test_least_privilege import GUARDS, ROLES

HERE = Place("aws", REGION, ACCOUNT)
TABLE = KNOWN["Journal.Arn"]
ONCALL = f"arn:aws:iam::{ACCOUNT}:role/oncall,arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/Admins_*"
NARROWED = replace(WORLD, attached=requests.attached(TEMPLATE, {**KNOWN, "Operators": ONCALL}))
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}], "Version": "2012-10-17"}
EXPLICIT = "with an explicit deny in a resource-based policy"
RAW: Any = TEMPLATE["Resources"]["Journal"]["Properties"]["ResourcePolicy"]


def person(name: str) -> Role:
    """A role whose identity policy is `dynamodb:*` on everything."""
    return Role(name, ACCOUNT, "alice", Policy(name, EVERYTHING, {}))


def write(action: str, *keys: str) -> Need:
    return Need(action, (TABLE,), {"dynamodb:leadingkeys": keys, "dynamodb:enclosingoperation": None})


@pytest.mark.parametrize("action", WRITES)
def test_a_developer_with_all_of_dynamodb_writes_nothing(action: str) -> None:
    assert EXPLICIT in denial(person("developer"), write(action, "COMMAND#0"), HERE, NARROWED)


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("role", ["oncall", "aws-reserved/sso.amazonaws.com/eu-west-1/Admins_0123456789abcdef"])
def test_an_operator_does(role: str, action: str) -> None:
    assert denial(person(role), write(action, "COMMAND#0"), HERE, NARROWED) == ""


@pytest.mark.parametrize("action", ["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query"])
def test_reading_is_iams_affair(action: str) -> None:
    assert denial(person("developer"), write(action, "COMMAND#0"), HERE, NARROWED) == ""


@pytest.mark.parametrize("name", ["developer", "parapet-prod-api-handler"])
def test_everybody_does_whom_iam_lets_until_somebody_is_named(name: str) -> None:
    assert denial(person(name), write("dynamodb:PutItem", "COMMAND#0"), HERE, WORLD) == ""


def test_of_a_role_of_another_stage_is_not_ours() -> None:
    assert EXPLICIT in denial(person("parapet-prod-api-handler"), write("dynamodb:PutItem", "CONTROL"), HERE, NARROWED)


def test_our_api_records_what_people_ask() -> None:
    role = ROLES.role("api_handler")
    assert denial(role, write("dynamodb:PutItem", "COMMAND#0"), HERE, NARROWED) == ""
    assert denial(role, write("dynamodb:UpdateItem", "CONTROL"), HERE, NARROWED) == ""


@pytest.mark.parametrize("function", GUARDS)
def test_our_guards_write_findings_and_nothing_that_people_ask(function: str) -> None:
    role = ROLES.role(function)
    assert denial(role, write("dynamodb:PutItem", "FINDING#0"), HERE, NARROWED) == ""
    for key in ("COMMAND#0", "CONTROL", "EXEMPTIONS"):
        for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"):
            assert "no identity-based policy allows" in denial(role, write(action, key), HERE, NARROWED)
            assert denial(role, write(action, "FINDING#0", key), HERE, NARROWED)


def test_a_policy_that_grants_is_not_guessed_at() -> None:
    wrong = copy.deepcopy(RAW)
    wrong["PolicyDocument"]["Statement"][0]["Effect"] = "Allow"
    with pytest.raises(CannotEvaluate, match="only who is denied something"):
        Attached(TABLE, wrong, KNOWN)


def test_a_policy_about_another_table_is_found() -> None:
    with pytest.raises(CannotEvaluate, match="which it is not attached to"):
        Attached(f"{TABLE}-other", RAW, KNOWN)


def test_it_names_its_own_table() -> None:
    """By its name, since a table cannot refer to itself."""
    own = json.loads(json.dumps(RAW).replace("table/parapet-test", "table/parapet-${Stage}-journal"))
    Attached(f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/parapet-test-journal", own, KNOWN)
    assert TEMPLATE["Resources"]["Journal"]["Properties"]["TableName"] == {"Fn::Sub": "parapet-${Stage}-journal"}
