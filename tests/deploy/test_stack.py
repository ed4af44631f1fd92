"""Change sets, proposed, executed and followed, on a CloudFormation that refuses what AWS refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws import AccountAws
from chalicelib.model import AwsError
from deploy import stack
from deploy.stack import Happening, Stack, StackError, State, Unchanged, parameters, ready, values
from tests.account import Clock
from tests.deploy.cloudformation import NO_CHANGES, CloudFormation, StackOf
from tests.samples import ACCOUNT, REGION

ROLE = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "parapet-prod-x"}}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {"TableName": "parapet-prod-journal"},
}
STAGE = {"Type": "String"}


class Place:
    """A stack `parapet-prod` in an account of its own."""

    def __init__(self) -> None:
        self.aws, self.clock, self.told = CloudFormation(), Clock(), list[Happening]()
        calls = AccountAws(lambda _service, _region: self.aws, ACCOUNT, REGION)
        self.stack = Stack(calls, "parapet-prod", self.clock, self.clock.forward, self.told.append)

    def propose(self, resources: dict[str, Any], stage: str = "prod") -> stack.Proposal:
        """Propose a template with some resources."""
        text = json.dumps({"Parameters": {"Stage": STAGE}, "Resources": resources})
        self.aws.urls["https://bucket/key"] = text
        given = [{"ParameterKey": "Stage", "ParameterValue": stage}]
        return self.stack.propose(self.stack.state(), "https://bucket/key", given)

    def deploy(self, resources: dict[str, Any], stage: str = "prod") -> State:
        """Propose and execute."""
        return self.stack.execute(self.propose(resources, stage))

    def status(self, status: str) -> None:
        """Put the stack into a state."""
        self.aws.stacks["parapet-prod"].status = status


@pytest.fixture
def place() -> Place:
    return Place()


class TestAProposal:
    def test_of_the_first_stack_shows_all_as_new(self, place: Place) -> None:
        proposal = place.propose({"Role": ROLE, "Queue": QUEUE})
        assert [(one.action, one.logical, one.kind) for one in proposal.changes] == [
            ("Add", "Queue", "AWS::SQS::Queue"),
            ("Add", "Role", "AWS::IAM::Role"),
        ]
        [sent] = place.aws.called("create_change_set")
        assert (sent["ChangeSetType"], sent["Capabilities"]) == ("CREATE", ["CAPABILITY_NAMED_IAM"])

    def test_of_an_update_shows_what_is_changed_removed_and_kept(self, place: Place) -> None:
        place.deploy({"Role": ROLE, "Table": TABLE})
        place.aws.replaced["Role"] = "Conditional"
        changed = {**ROLE, "Properties": {"RoleName": "another"}}
        found = {one.logical: one for one in place.propose({"Role": changed, "Queue": QUEUE}).changes}
        assert (found["Role"].action, found["Role"].replaced, found["Role"].properties) == (
            "Modify", "Conditional", ("Code",),
        )  # fmt: skip
        assert (found["Table"].action, found["Table"].kept) == ("Remove", True)
        assert found["Queue"].action == "Add"
        assert place.aws.called("create_change_set")[-1]["ChangeSetType"] == "UPDATE"

    def test_that_is_discarded_leaves_no_empty_stack(self, place: Place) -> None:
        place.stack.discard(place.propose({"Queue": QUEUE}))
        assert place.stack.state() is None
        assert place.aws.change_sets == {}

    def test_that_is_discarded_leaves_somebody_elses_pending_stack_alone(self, place: Place) -> None:
        theirs = place.propose({"Queue": QUEUE})
        place.stack.discard(place.propose({"Queue": QUEUE}))
        assert list(place.aws.change_sets) == [theirs.arn]
        assert place.aws.stacks["parapet-prod"].status == "REVIEW_IN_PROGRESS"

    def test_that_is_discarded_leaves_a_stack_as_it_is(self, place: Place) -> None:
        place.deploy({"Queue": QUEUE})
        place.stack.discard(place.propose({"Queue": QUEUE, "Role": ROLE}))
        assert place.aws.change_sets == {}
        assert place.aws.called("delete_stack") == []

    @pytest.mark.parametrize("reason", [NO_CHANGES, "No updates are to be performed."])
    def test_without_changes_is_said_and_taken_back(self, place: Place, reason: str) -> None:
        place.deploy({"Queue": QUEUE})
        place.aws.refusal = reason
        with pytest.raises(Unchanged, match="nothing to change in parapet-prod"):
            place.propose({"Queue": QUEUE})
        assert place.aws.change_sets == {}

    def test_that_is_refused_says_why_and_is_taken_back(self, place: Place) -> None:
        place.aws.refusal = "Properties validation failed for resource Queue"
        with pytest.raises(StackError, match=r"\(FAILED\): Properties validation failed for resource Queue"):
            place.propose({"Queue": QUEUE})
        assert place.aws.change_sets == {}
        assert place.stack.state() is None

    def test_that_nobody_waits_for_any_longer_is_taken_back(self, place: Place) -> None:
        def interrupted(_seconds: float) -> None:
            raise KeyboardInterrupt

        place.stack._sleep = interrupted
        with pytest.raises(KeyboardInterrupt):
            place.propose({"Queue": QUEUE})
        assert place.aws.change_sets == {}

    def test_may_take_up_a_table_that_outlived_its_stack(self, place: Place) -> None:
        place.aws.existing.add("parapet-prod-journal")
        assert [one.action for one in place.propose({"Table": TABLE}).changes] == ["Import"]

    def test_that_is_denied_names_the_action(self, place: Place) -> None:
        place.aws.denied.add("create_change_set")
        with pytest.raises(AwsError, match="cloudformation:CreateChangeSet answered AccessDenied") as denied:
            place.propose({"Queue": QUEUE})
        assert denied.value.denied

    @pytest.mark.parametrize(
        ("change", "loses"),
        [
            (stack.Change("Modify", "A", "AWS::SQS::Queue", "True"), True),
            (stack.Change("Modify", "A", "AWS::SQS::Queue", "Conditional"), True),
            (stack.Change("Modify", "A", "AWS::SQS::Queue"), False),
            (stack.Change("Remove", "A", "AWS::DynamoDB::Table"), True),
            (stack.Change("Remove", "A", "AWS::DynamoDB::Table", kept=True), False),
            (stack.Change("Modify", "A", "AWS::IAM::Role", "True"), False),
            (stack.Change("Remove", "A", "AWS::IAM::Role"), False),
        ],
    )
    def test_knows_what_would_be_lost(self, change: stack.Change, loses: bool) -> None:
        assert change.loses is loses


class TestExecuting:
    def test_waits_for_the_end_and_tells_every_event_once(self, place: Place) -> None:
        state = place.deploy({"Queue": QUEUE, "Role": ROLE})
        assert state.status == "CREATE_COMPLETE"
        assert [(one.logical, one.status) for one in place.told] == [
            ("parapet-prod", "CREATE_IN_PROGRESS"),
            ("Queue", "CREATE_COMPLETE"),
            ("Role", "CREATE_COMPLETE"),
            ("parapet-prod", "CREATE_COMPLETE"),
        ]

    def test_does_not_take_the_end_of_the_last_time_for_its_own(self, place: Place) -> None:
        place.deploy({"Queue": QUEUE})
        place.told.clear()
        assert place.deploy({"Queue": QUEUE, "Role": ROLE}).status == "UPDATE_COMPLETE"
        assert place.told[-1].status == "UPDATE_COMPLETE"

    def test_that_fails_names_the_first_to_fail_and_what_to_do(self, place: Place) -> None:
        place.deploy({"Queue": QUEUE})
        place.aws.failing["Role"] = "User: alice is not authorized to perform: iam:CreateRole on resource: role x"
        with pytest.raises(StackError) as failed:
            place.deploy({"Queue": QUEUE, "Role": ROLE})
        text = str(failed.value)
        assert "failed (UPDATE_ROLLBACK_COMPLETE). First to fail: Role (AWS::IAM::Role): User: alice" in text
        assert "give who deploys the right iam:CreateRole, then deploy again" in text
        assert "The release before runs on" in text
        assert "cancelled" not in text

    def test_of_the_first_that_fails_leaves_no_table_in_the_way(self, place: Place) -> None:
        place.aws.failing["Zebra"] = "Limit exceeded"
        with pytest.raises(StackError, match=r"raise that quota.*Nothing runs: make destroy first"):
            place.deploy({"Table": TABLE, "Zebra": QUEUE})
        assert place.aws.existing == set()

    def test_takes_up_the_table_that_was_kept(self, place: Place) -> None:
        place.deploy({"Table": TABLE, "Queue": QUEUE})
        state = place.stack.state()
        assert state
        place.stack.delete(state)
        assert place.aws.existing == {"parapet-prod-journal"}
        assert place.deploy({"Table": TABLE, "Queue": QUEUE}).status == "CREATE_COMPLETE"

    def test_that_is_denied_leaves_no_change_set(self, place: Place) -> None:
        proposal = place.propose({"Queue": QUEUE})
        place.aws.denied.add("execute_change_set")
        with pytest.raises(AwsError, match="cloudformation:ExecuteChangeSet"):
            place.stack.execute(proposal)
        assert place.aws.change_sets == {}
        assert place.stack.state() is None

    def test_does_not_wait_for_ever(self, place: Place) -> None:
        proposal = place.propose({"Queue": QUEUE})

        def stuck(_seconds: float) -> None:
            place.clock.forward(4000)
            place.aws.stacks["parapet-prod"].coming.clear()

        place.stack._sleep = stuck
        with pytest.raises(StackError, match="takes more than an hour"):
            place.stack.execute(proposal)


class TestDeleting:
    def test_waits_for_the_end(self, place: Place) -> None:
        place.stack.delete(place.deploy({"Queue": QUEUE}))
        assert place.stack.state() is None
        assert place.told[-1].status == "DELETE_COMPLETE"

    def test_that_fails_says_why(self, place: Place) -> None:
        state = place.deploy({"Queue": QUEUE})
        place.aws.failing["Queue"] = "something holds it"
        with pytest.raises(
            StackError, match=r"the removal of parapet-prod failed \(DELETE_FAILED\).*something holds it"
        ):
            place.stack.delete(state)

    def test_of_what_is_protected_is_refused(self, place: Place) -> None:
        place.deploy({"Queue": QUEUE})
        place.aws.stacks["parapet-prod"].protected = True
        state = place.stack.state()
        assert state
        with pytest.raises(StackError, match="--no-enable-termination-protection"):
            place.stack.delete(state)
        assert place.aws.called("delete_stack") == []


class TestAState:
    @pytest.mark.parametrize(
        ("status", "what"),
        [
            ("UPDATE_IN_PROGRESS", "wait until that is over"),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that is over"),
            ("ROLLBACK_COMPLETE", "make destroy STAGE=prod, then deploy again"),
            ("CREATE_FAILED", "make destroy STAGE=prod"),
            ("DELETE_FAILED", "make destroy STAGE=prod"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name parapet-prod"),
            ("UPDATE_FAILED", "look at it in the console"),
        ],
    )
    def test_in_which_nothing_can_be_changed_says_what_to_do(self, status: str, what: str) -> None:
        with pytest.raises(StackError, match=rf"parapet-prod is {status}: .*{what}"):
            ready("parapet-prod", State("arn", status, {}, {}), "prod")

    @pytest.mark.parametrize("status", sorted(stack.STEADY | {stack.NEW}))
    def test_in_which_it_can_be_changed_is_ready(self, status: str) -> None:
        ready("parapet-prod", State("arn", status, {}, {}), "prod")
        ready("parapet-prod", None, "prod")

    def test_every_status_is_judged(self) -> None:
        from tests.deploy.cloudformation import MODEL

        for status in MODEL.shape_for("StackStatus").enum:  # type: ignore[attr-defined]
            try:
                ready("parapet-prod", State("arn", status, {}, {}), "prod")
            except StackError:
                continue
            assert status in stack.STEADY | {stack.NEW}

    def test_is_none_where_there_is_no_stack(self, place: Place) -> None:
        assert place.stack.state() is None

    def test_that_cannot_be_read_is_an_error(self, place: Place) -> None:
        place.aws.denied.add("describe_stacks")
        with pytest.raises(AwsError):
            place.stack.state()


DECLARED = {
    "Parameters": {
        "Stage": {"Type": "String"},
        "Token": {"Type": "String", "Default": "/parapet/token"},
        "Secret": {"Type": "String", "Default": "", "NoEcho": True},
    }
}


class TestParameters:
    THERE = State("arn", "CREATE_COMPLETE", {"Stage": "prod", "Token": "/mine", "Secret": "****", "Old": "x"}, {})

    def test_keep_what_the_stack_has(self) -> None:
        assert parameters(DECLARED, {"Stage": "prod"}, self.THERE) == [
            {"ParameterKey": "Stage", "ParameterValue": "prod"},
            {"ParameterKey": "Token", "UsePreviousValue": True},
            {"ParameterKey": "Secret", "UsePreviousValue": True},
        ]

    def test_leave_the_first_time_to_the_defaults(self) -> None:
        assert parameters(DECLARED, {"Stage": "prod"}, None) == [{"ParameterKey": "Stage", "ParameterValue": "prod"}]

    def test_that_do_not_exist_are_refused(self) -> None:
        with pytest.raises(StackError, match="there is no parameter Tokn; there are: Secret, Stage, Token"):
            parameters(DECLARED, {"Stage": "prod", "Tokn": "x"}, None)

    def test_that_have_no_value_are_named(self) -> None:
        with pytest.raises(StackError, match="the parameter Stage has no value yet"):
            parameters(DECLARED, {}, None)

    def test_are_known_in_full_but_for_secrets(self) -> None:
        given = parameters(DECLARED, {"Stage": "prod"}, self.THERE)
        assert values(DECLARED, given, self.THERE) == {"Stage": "prod", "Token": "/mine", "Secret": None}
        given = parameters(DECLARED, {"Stage": "prod"}, None)
        assert values(DECLARED, given, None) == {"Stage": "prod", "Token": "/parapet/token", "Secret": None}

    def test_one_that_takes_anothers_place_takes_its_value_until_it_has_its_own(self) -> None:
        declared = {"Parameters": {"PageEmail": {"Default": ""}}}
        before = State("arn", "CREATE_COMPLETE", {"AlertEmail": "oncall@example.com"}, {})
        [taken] = parameters(declared, {}, before)
        assert taken == {"ParameterKey": "PageEmail", "ParameterValue": "oncall@example.com"}
        [given] = parameters(declared, {"PageEmail": "lead@example.com"}, before)
        assert given["ParameterValue"] == "lead@example.com"
        [kept] = parameters(declared, {}, replace(before, parameters={"PageEmail": "", "AlertEmail": "x@example.com"}))
        assert kept == {"ParameterKey": "PageEmail", "UsePreviousValue": True}

    def test_recorded_ones_come_back_as_they_were(self) -> None:
        recorded = {"Stage": "prod", "Token": "/before", "Secret": None}
        assert parameters(DECLARED, recorded, self.THERE) == [
            {"ParameterKey": "Stage", "ParameterValue": "prod"},
            {"ParameterKey": "Token", "ParameterValue": "/before"},
            {"ParameterKey": "Secret", "UsePreviousValue": True},
        ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "User: arn:aws:iam::1:user/a is not authorized to perform: s3:GetObject on resource",
            "the right s3:GetObject",
        ),
        ("parapet-prod-journal already exists in stack arn", "something of that name is there already"),
        ("Resource of type 'AWS::X' with identifier 'y' AlreadyExists", "something of that name is there already"),
        ("The maximum limit for roles was exceeded", "raise that quota"),
        ("Internal failure", "mend that, then deploy again"),
    ],
)
def test_advice_fits_the_reason(reason: str, expected: str) -> None:
    assert expected in stack.advice(reason)


def test_the_stand_in_refuses_what_aws_refuses(place: Place) -> None:
    refused: list[Callable[[], Any]] = [
        lambda: place.aws.create_change_set(StackName="x", ChangeSetName="y", Nonsense=1),
        lambda: place.aws.describe_stacks(StackName="nowhere"),
        lambda: place.aws.execute_change_set(ChangeSetName="nothing"),
    ]
    for call in refused:
        with pytest.raises(Exception, match=r"Unknown parameter|does not exist"):
            call()
    place.aws.stacks["parapet-prod"] = StackOf("parapet-prod", "arn:x", "ROLLBACK_COMPLETE")
    with pytest.raises(AwsError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        place.propose({"Queue": QUEUE})
