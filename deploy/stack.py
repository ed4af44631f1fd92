"""A stage's CloudFormation stack: change sets proposed, executed and followed to their end, with the first failure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.model import Aws, AwsError, ParapetError

PENDING, POLL, PATIENCE = 2.0, 5.0, 3600.0
NEW, GONE = "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"
OWN = "AWS::CloudFormation::Stack"
# By parameter, the one of earlier versions whose value it goes on with.
SUCCEEDED = {"PageEmail": "AlertEmail"}
STEADY = frozenset({
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
})  # fmt: skip
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
FAILED = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
# What CloudFormation says of a change set that would change nothing.
UNCHANGED = ("didn't contain changes", "No updates are to be performed")
# Those whose contents or subscribers a replacement loses.
STATEFUL = frozenset({
    "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic",
    "AWS::SQS::Queue",
})  # fmt: skip


class StackError(ParapetError):
    """A stack that cannot be changed, or whose change failed; the text says why and what to do."""


class Unchanged(ParapetError):
    """There is nothing to change."""


@dataclass(frozen=True)
class State:
    """A stack as it is: its ARN, CloudFormation's word for its state, parameters' values, outputs."""

    arn: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    protected: bool = False


@dataclass(frozen=True)
class Change:
    """What a change set does to one resource; `replaced` is True, False or Conditional, as CloudFormation says it."""

    action: str
    logical: str
    kind: str
    replaced: str = "False"
    kept: bool = False
    properties: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether what the resource holds is, or may be, lost."""
        gone = self.action == "Remove" and not self.kept
        return self.kind in STATEFUL and (gone or self.replaced != "False")


@dataclass(frozen=True)
class Proposal:
    """A change set: its ARN, the stack's, and the changes; `first` when the stack is there for its sake only."""

    arn: str
    stack: str
    first: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Happening:
    """One event of a stack."""

    id: str
    logical: str
    kind: str
    status: str
    reason: str

    @property
    def failed(self) -> bool:
        """Whether this is a failure in its own right: others are cancelled when one fails."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()


class Stack:
    """One stack, by name."""

    def __init__(
        self,
        aws: Aws,
        name: str,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        tell: Callable[[Happening], None],
    ) -> None:
        self._aws, self.name = aws, name
        self._now, self._sleep, self._tell = now, sleep, tell

    def state(self, name: str = "") -> State | None:
        """Return the stack as it is, None when there is none; raises AwsError."""
        try:
            [raw] = self._aws("cloudformation", "describe_stacks", StackName=name or self.name)["Stacks"]
        except AwsError as error:
            if error.code == "ValidationError" and "does not exist" in error.message:
                return None
            raise
        return State(
            raw["StackId"],
            raw["StackStatus"],
            {one["ParameterKey"]: one.get("ParameterValue", "") for one in raw.get("Parameters", [])},
            {one["OutputKey"]: one["OutputValue"] for one in raw.get("Outputs", [])},
            bool(raw.get("EnableTerminationProtection")),
        )

    def template(self) -> object:
        """Return the template as it was given to CloudFormation; raises AwsError."""
        return self._aws("cloudformation", "get_template", StackName=self.name)["TemplateBody"]

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return what the stack holds, by logical id: type and physical id; raises AwsError."""
        found = self._aws.all("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=self.name)
        return {
            one["LogicalResourceId"]: (one["ResourceType"], one.get("PhysicalResourceId", ""))
            for one in found
            if one.get("ResourceStatus") != GONE
        }

    # Changing it

    def propose(self, state: State | None, url: str, parameters: Sequence[Mapping[str, Any]]) -> Proposal:
        """Make a change set of a template; raises Unchanged, StackError, AwsError.

        Args:
            state: the stack as it was found.
            url: where the template is.
            parameters: as CloudFormation wants them.
        """
        answer = self._aws(
            "cloudformation",
            "create_change_set",
            StackName=self.name,
            ChangeSetName=f"parapet-{secrets.token_hex(8)}",
            ChangeSetType="CREATE" if state is None or state.status == NEW else "UPDATE",
            TemplateURL=url,
            Parameters=list(parameters),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            # The journal of an installation that was destroyed is taken up again.
            ImportExistingResources=True,
        )
        proposal = Proposal(answer["Id"], answer["StackId"], state is None, ())
        try:
            status, reason = self._proposed(proposal)
            if status == "FAILED" and any(text in reason for text in UNCHANGED):
                raise Unchanged(f"CloudFormation finds nothing to change in {self.name}")
            if status != "CREATE_COMPLETE":
                raise StackError(f"CloudFormation does not accept this for {self.name} ({status}): {reason}")
            raw = self._aws.all("cloudformation", "describe_change_set", "Changes", ChangeSetName=proposal.arn)
            changes = tuple(_change(one["ResourceChange"]) for one in raw if "ResourceChange" in one)
        except BaseException:
            self.discard(proposal)
            raise
        return replace(proposal, changes=changes)

    def _proposed(self, proposal: Proposal) -> tuple[str, str]:
        deadline = self._now() + PATIENCE
        while True:
            found = self._aws("cloudformation", "describe_change_set", ChangeSetName=proposal.arn)
            if not found["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                return found["Status"], found.get("StatusReason") or "no reason given"
            if self._now() > deadline:
                return found["Status"], "this takes longer than an hour"
            self._sleep(PENDING)

    def discard(self, proposal: Proposal) -> None:
        """Delete a change set, and with it the empty stack that the first one of a stack brings; raises AwsError."""
        self._aws("cloudformation", "delete_change_set", ChangeSetName=proposal.arn)
        there = self.state(proposal.stack) if proposal.first else None
        if there and there.status == NEW:
            self._aws("cloudformation", "delete_stack", StackName=proposal.stack)

    def execute(self, proposal: Proposal) -> State:
        """Carry a change set out and wait for the end, telling events; raises StackError, AwsError."""
        seen = {one.id for one in self._happenings(proposal.stack)}
        try:
            # A first creation that fails should leave nothing in the way of the second; what is protected from deletion
            # stays, and is taken up again.
            self._aws("cloudformation", "execute_change_set", ChangeSetName=proposal.arn, RetainExceptOnCreate=True)
        except AwsError:
            self.discard(proposal)
            raise
        state, events = self._followed(proposal.stack, seen)
        if state is None or state.status not in DONE:
            raise StackError(self._failure("the change", state, events))
        return state

    def delete(self, state: State) -> None:
        """Delete the stack and wait for the end, telling events; raises StackError, AwsError."""
        if state.protected:
            raise StackError(
                f"{self.name} is protected against deletion: aws cloudformation update-termination-protection "
                f"--no-enable-termination-protection --stack-name {self.name}"
            )
        seen = {one.id for one in self._happenings(state.arn)}
        self._aws("cloudformation", "delete_stack", StackName=state.arn)
        after, events = self._followed(state.arn, seen)
        if after is not None and after.status != GONE:
            raise StackError(self._failure("the removal", after, events))

    def _followed(self, arn: str, seen: set[str]) -> tuple[State | None, list[Happening]]:
        """Return the stack at the end of what it is doing, with every event until then."""
        deadline, events = self._now() + PATIENCE, list[Happening]()
        while True:
            for one in self._happenings(arn):
                if one.id not in seen:
                    seen.add(one.id)
                    events.append(one)
                    self._tell(one)
            # The stack's own events say when it is over: its state may still be the one of a moment before.
            own = [one.status for one in events if (one.kind, one.logical) == (OWN, self.name)]
            if own and not own[-1].endswith("_IN_PROGRESS"):
                state = self.state(arn)
                if state is None or state.status == own[-1]:
                    return state, events
            if self._now() > deadline:
                raise StackError(f"{self.name} takes more than an hour: look at it in the console")
            self._sleep(POLL)

    def _happenings(self, arn: str) -> list[Happening]:
        raw = self._aws.all("cloudformation", "describe_stack_events", "StackEvents", StackName=arn)
        return [
            Happening(
                one["EventId"],
                one.get("LogicalResourceId") or "",
                one.get("ResourceType") or "",
                one["ResourceStatus"],
                one.get("ResourceStatusReason") or "",
            )
            for one in reversed(raw)
        ]

    def _failure(self, what: str, state: State | None, events: Iterable[Happening]) -> str:
        status = state.status if state else "gone"
        cause = next((one for one in events if one.failed), None)
        if cause is None:
            return f"{what} of {self.name} failed ({status}), and no event says why: look at its events in the console"
        return (
            f"{what} of {self.name} failed ({status}). First to fail: {cause.logical} ({cause.kind}): {cause.reason} "
            f"What to do: {advice(cause.reason)}{_state_of(status)}"
        )


def ready(name: str, state: State | None, stage: str) -> None:
    """Check that a stack can be changed now; raises StackError that says what to do."""
    if state is None or state.status in STEADY or state.status == NEW:
        return
    if state.status.endswith("_IN_PROGRESS"):
        what = "somebody changes it right now: wait until that is over"
    elif state.status == "UPDATE_ROLLBACK_FAILED":
        what = f"aws cloudformation continue-update-rollback --stack-name {name}, then deploy again"
    elif state.status in FAILED:
        what = f"nothing of it runs, and it can only be removed: make destroy STAGE={stage}, then deploy again"
    else:
        what = "look at it in the console"
    raise StackError(f"{name} is {state.status}: {what}")


def advice(reason: str) -> str:
    """Return what to do about the reason that CloudFormation gives for a failure."""
    denied = re.search(r"(?:is )?not authorized to perform:? ([\w-]+:\w+)", reason)
    if denied:
        return f"give who deploys the right {denied[1]}, then deploy again. "
    lowered = reason.lower()
    if "already exists" in lowered or "alreadyexists" in lowered:
        return "something of that name is there already and belongs to no stack: remove or rename it. "
    if "limit" in lowered or "quota" in lowered:
        return "raise that quota (Service Quotas), then deploy again. "
    return "mend that, then deploy again. "


def _state_of(status: str) -> str:
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return "The release before runs on, unchanged."
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        return "Nothing runs: make destroy first."
    return ""


def _change(raw: Mapping[str, Any]) -> Change:
    properties = {one.get("Target", {}).get("Name") or one.get("Target", {}).get("Attribute", "") for one in
                  raw.get("Details", [])}  # fmt: skip
    return Change(
        raw["Action"],
        raw["LogicalResourceId"],
        raw["ResourceType"],
        raw.get("Replacement") or "False",
        raw.get("PolicyAction") in ("Retain", "Snapshot"),
        tuple(sorted(properties - {""})),
    )


def parameters(
    template: Mapping[str, Any], wanted: Mapping[str, str | None], state: State | None
) -> list[dict[str, Any]]:
    """Return the parameters of a template as CloudFormation wants them; raises StackError.

    Args:
        template: declares them.
        wanted: values from now on; None keeps the stack's. What is not in here keeps its value, or takes the default.
        state: the stack as it is.
    """
    declared: Mapping[str, Any] = template.get("Parameters", {})
    unknown = sorted({*wanted} - {*declared})
    if unknown:
        raise StackError(f"there is no parameter {', '.join(unknown)}; there are: {', '.join(sorted(declared))}")
    there = state.parameters if state and state.status != NEW else {}
    for name, before in SUCCEEDED.items():
        if name in declared and name not in there and there.get(before):
            wanted = {name: there[before], **wanted}
    found: list[dict[str, Any]] = []
    for name, one in declared.items():
        value = wanted.get(name)
        if value is not None:
            found.append({"ParameterKey": name, "ParameterValue": value})
        elif name in there:
            found.append({"ParameterKey": name, "UsePreviousValue": True})
        elif "Default" not in one:
            raise StackError(f"the parameter {name} has no value yet: PARAMETERS='{name}=…' ({one.get('Description')})")
    return found


def values(
    template: Mapping[str, Any], given: Iterable[Mapping[str, Any]], state: State | None
) -> dict[str, str | None]:
    """Return the value that every parameter of a template gets; None for a secret, which cannot be read."""
    there = state.parameters if state else {}
    sent = {one["ParameterKey"]: one.get("ParameterValue", there.get(one["ParameterKey"], "")) for one in given}
    declared: Mapping[str, Any] = template.get("Parameters", {})
    return {
        name: None if str(one.get("NoEcho", "")).lower() == "true" else str(sent.get(name, one.get("Default", "")))
        for name, one in declared.items()
    }
