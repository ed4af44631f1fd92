"""Removing a stage: what goes, what stays, and the journal only for whoever types the stage's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import click

from chalicelib.settings import PREFIX
from cli import output
from deploy import alarming
from deploy.objectives import Place
from deploy.release import KEY, Template
from deploy.site import Site
from deploy.stack import NEW, StackError, State

Resources = Mapping[str, tuple[str, str]]
# While the protection is being taken off, a table cannot be deleted yet.
SETTLING = 120.0


def destroy(site: Site, yes: bool, delete_journal: bool) -> None:
    """Remove a stage's stack, and its journal if that is wanted; raises StackError, AwsError.

    Args:
        site: where.
        yes: whether to go on without asking; the journal is asked about all the same.
        delete_journal: whether the journal goes too.
    """
    state, journal = site.state, f"{PREFIX}-{site.stage}-journal"
    if state and state.status.endswith("_IN_PROGRESS") and state.status != NEW:
        raise StackError(f"{site.stack.name} is {state.status}: wait until that is over")
    there = site.stack.resources() if state else {}
    if "Journal" in there:
        journal = there["Journal"][1] or journal
    table = _table(site, journal)
    beside = _beside(site, state)
    if state is None and not beside and not (table and delete_journal):
        output.say(f"There is no stack {site.stack.name}: nothing to remove.{_left(journal, table)}")
        return
    if state or not beside:
        kept = _kept(site, state) if state else set()
        _listed(site, there, kept, journal if delete_journal and table else "")
    else:
        output.say(f"There is no stack {site.stack.name}, but there are some that were beside it:")
    for place in beside:
        output.say(f"goes: the alarms of objectives in {place.region}, {place.stack(site.stage)}")
    if delete_journal and table:
        typed = click.prompt(f"The journal {journal} goes for good. Type the stage's name to agree", default="")
        if typed != site.stage:
            raise StackError(f"{typed!r} is not {site.stage!r}: nothing was removed")
    elif not yes:
        click.confirm("Remove all that?", abort=True)
    for place in beside:
        alarming.remove(site, place)
    if state:
        site.stack.delete(state)
        output.say(f"{site.stack.name} is removed.")
        _logs(site, there)
    if delete_journal and table:
        _drop(site, journal, table)
        output.say(f"{journal} is deleted; DynamoDB keeps a backup of it for 35 days.")
    else:
        output.say(_left(journal, table).strip())
    if "EvidenceStore" in there:
        evidence = f"s3://{there['EvidenceStore'][1]}"
        output.say(f"The evidence in {evidence} stays: it is locked. The next deployment goes on with it.")
    bucket = site.store("").bucket
    output.say(f"What was deployed stays in s3://{bucket}/parapet/{site.stage}/, if you ever want it again.")


def _beside(site: Site, state: State | None) -> tuple[Place, ...]:
    """Return where there are stacks of objectives, whether or not there is one that they are part of."""
    template = site.stack.template() if state and state.status != NEW else None
    ours = isinstance(template, Mapping) and KEY in template.get("Metadata", {})
    steady, broken = alarming.deployed(site, cast(Template, template) if ours else None)
    return tuple(sorted({*steady, *broken}))


def _table(site: Site, name: str) -> Mapping[str, Any]:
    found = site.aws("dynamodb", "describe_table", absent=("ResourceNotFoundException",), TableName=name)
    return dict(found.get("Table", {}))


def _left(journal: str, table: Mapping[str, Any]) -> str:
    if not table:
        return ""
    return f" The journal {journal} stays: the next deployment takes it up again, DELETE_JOURNAL=1 deletes it."


def _kept(site: Site, state: State) -> set[str]:
    """Return the logical ids of what outlives the stack, as its template says."""
    template = site.stack.template() if state.status != NEW else None
    declared = template.get("Resources", {}) if isinstance(template, Mapping) else {}
    return {name for name, one in declared.items() if one.get("DeletionPolicy", "Delete") != "Delete"}


def _listed(site: Site, there: Resources, kept: set[str], journal: str) -> None:
    output.say(f"To be removed from {site.region}:")
    rows: list[tuple[str, str, str, str]] = [
        ("stays" if name in kept and physical != journal else "goes", name, physical, kind.removeprefix("AWS::"))
        for name, (kind, physical) in there.items()
    ]
    if journal and "Journal" not in there:
        rows.append(("goes", "Journal", journal, "DynamoDB::Table"))
    if not rows:
        output.say("the stack itself, of which nothing is left")
        return
    rows.sort(key=lambda row: (row[0] == "goes", row[3], row[1]))
    output.table(("", "resource", "name", "type"), rows, whole=("", "resource", "type"))


def _logs(site: Site, there: Resources) -> None:
    """Say which logs are left: those that Lambda made itself, when a function ran once more than its log lived."""
    names = {f"/aws/lambda/{physical}" for kind, physical in there.values() if kind == "AWS::Lambda::Function"}
    prefix = f"/aws/lambda/{site.stack.name}-"
    found = site.aws.all("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    # Another stage's name may begin like this one's.
    left = sorted({one["logGroupName"] for one in found} & names)
    for name in left:
        output.say(f"Its log {name} stays: aws logs delete-log-group --log-group-name {name}")


def _drop(site: Site, name: str, table: Mapping[str, Any]) -> None:
    if table.get("DeletionProtectionEnabled"):
        site.aws("dynamodb", "update_table", TableName=name, DeletionProtectionEnabled=False)

    def gone() -> bool:
        busy = ("ResourceInUseException",)
        return bool(site.aws("dynamodb", "delete_table", absent=busy, TableName=name))

    if not site.clock.until(SETTLING, gone):
        raise StackError(f"{name} is still being changed: make destroy STAGE={site.stage} DELETE_JOURNAL=1 once more")
