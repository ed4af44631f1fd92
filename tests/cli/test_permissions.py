from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alerts.bindings import Binding
from chalicelib.model import ORIGINS, Mode, ParapetError
from chalicelib.services import limits
from chalicelib.services.model import Service, Target
from chalicelib.settings import Accounts, Settings
from cli.permissions import Role, roles, summary
from deploy import actions, rights
from tests.cli.terminal import GUARDRAIL, Terminal


def all_in(mode: Mode) -> Settings:
    rails = [rail for rail in registry.load() if rail.can_fix]
    return Settings(
        stage="test",
        guardrails={rail.name: {"mode": dict.fromkeys(ORIGINS, mode)} for rail in rails},
        remedies=tuple(Binding(("*",), rail.name) for rail in rails if rail.alarmed),
        services=(Service("shop", Target("alb"), tuple(map(Target, limits.ACTIONS))),),
    )


def granted(policy: dict[str, Any]) -> set[tuple[str, str]]:
    return {(action, str(statement["Resource"])) for statement in policy["Statement"] for action in statement["Action"]}


def test_the_actions_in_use_and_no_others_are_classified() -> None:
    everything = all_in("enforce")
    everyone = Accounts(everyone=True, units=("ou-ab12-34cd56ef",))
    elsewhere = replace(everything, slack_token="secretsmanager:parapet/slack-token", accounts=everyone)
    policies = [one for some in (everything, elsewhere) for one in rights.policies(some).values()]
    used = {action for policy in policies for action, _ in granted(policy)}
    classified = [action for level in actions.LEVELS.values() for action in level]
    assert sorted(classified) == sorted(used)
    assert set(actions.DATA) <= used
    assert set(actions.DELETES) <= used


def test_an_action_that_nobody_classified_is_an_error() -> None:
    with pytest.raises(ParapetError, match=r"^s3:DeleteObject is not classified: add it to deploy/actions.py"):
        actions.level("s3:DeleteObject")


def test_what_can_delete_is_at_no_reading_level() -> None:
    assert all(actions.level(action) not in ("List", "Read") for action in actions.DELETES)
    assert all(actions.level(action) in ("List", "Read") for action in actions.DATA)


def test_every_role_and_every_grant_is_there() -> None:
    settings = all_in("enforce")
    policies = rights.policies(settings)
    found = {role.function: role for role in roles(settings)}
    assert set(found) == set(policies)
    for function, policy in policies.items():
        assert {grant.action for grant in found[function].grants} == {action for action, _ in granted(policy)}
        assert found[function].name == settings.role_name(function)


def test_what_is_our_own_is_told_from_everything_else() -> None:
    grants = {(g.action, g.resource): g for role in roles(all_in("enforce")) for g in role.grants}
    assert grants["dynamodb:GetItem", "Journal"].reach == "own"
    assert grants["dynamodb:Query", "Journal/index/by_status"].reach == "own"
    assert grants["sqs:SendMessage", "SlackQueue, EmailQueue"].reach == "own"
    assert grants["ec2:RevokeSecurityGroupIngress", "security-group/*"].reach == "guarded"
    assert grants["events:PutEvents", "event-bus/default"].reach == "else"
    assert grants["ec2:RevokeSecurityGroupIngress", "security-group/*"].guardrails == (
        "ec2_security_group_changed",
        GUARDRAIL,
    )


def test_no_data_but_our_own_can_be_read_and_the_lines_that_alerts_queries_and_traces_show() -> None:
    foreign = {
        (role.function, grant.action)
        for role in roles(all_in("enforce"))
        for grant in role.grants
        if grant.reads and grant.reach != "own"
    }
    lines, queried = {"logs:FilterLogEvents"}, {"logs:GetQueryResults", "logs:StartQuery"}
    assert foreign == {
        *((function, action) for function in ("api_handler", "enrich") for action in lines | queried),
        *(("reports", action) for action in queried),
    }


def test_observing_grants_no_change_at_all() -> None:
    observing = roles(all_in("observe"))
    assert [role.changes for role in observing] == [[]] * len(observing)
    assert [role.deletes for role in observing] == [[]] * len(observing)
    said = summary(observing)
    assert said.startswith(
        "no role holds a right to change anything but Parapet's own journal, queues, events and logs;"
    )
    assert said.endswith("; deletes: nothing")


def test_the_summary(terminal: Terminal) -> None:
    terminal.settings(
        "\n".join(f'guardrails.{name}.mode = "observe"' for name in registry.names() if name != GUARDRAIL)
    )
    said = terminal.out("permissions")
    line = said.splitlines()[-1]
    own = "EvidenceStore/parapet/${AWS::AccountId}/${Stage}/journal/* or s3:::${EvidenceBucket}/"
    lines = "logs:FilterLogEvents, logs:GetQueryResults, logs:StartQuery"
    begins = f"1 role can change guarded resources; data can be read by {lines} besides Parapet's own"
    assert line.startswith(begins)
    assert own in line
    assert "/journal/*, Journal, Journal/index/" in line
    assert line.endswith("; deletes: ec2:RevokeSecurityGroupIngress (ec2_security_group_open)")
    [row] = [row for row in said.splitlines() if row.startswith("parapet-test-guard-ec2 ")]
    assert row.split()[1] == "ec2:AuthorizeSecurityGroupIngress"
    assert "ec2:RevokeSecurityGroupIngress (deletes)" in said
    document = terminal.json("permissions")
    assert (document["summary"], document["stage"]) == (line, "test")
    roles_by_function = {role["function"]: role for role in document["roles"]}
    ec2 = roles_by_function["guard_ec2"]
    assert ec2["role"] == "parapet-test-guard-ec2"
    assert ec2["changes"] == ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    assert ec2["deletes"] == ["ec2:RevokeSecurityGroupIngress"]
    assert roles_by_function["guard_s3"]["changes"] == []
    assert {"action", "level", "resource", "reach", "reads", "deletes", "guardrails"} == set(ec2["grants"][0])


def test_all_that_enforces_is_counted() -> None:
    found = roles(all_in("enforce"))
    changing = {role.function for role in found if role.changes}
    fixing = {f"guard_{rail.service}" for rail in registry.load() if rail.can_fix}
    assert changing == fixing
    assert summary(found).startswith(f"{len(changing)} roles can change guarded resources;")


def test_data_of_others_would_be_named() -> None:
    [notify] = [role for role in roles(all_in("enforce")) if role.function == "notify"]
    foreign = Role("x", "x", tuple(_elsewhere(grant) for grant in notify.grants))
    assert "data can be read by dynamodb:GetItem" in summary([foreign])


def _elsewhere(grant: Any) -> Any:
    from dataclasses import replace

    return replace(grant, reach="any", resource="*")
