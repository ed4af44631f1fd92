"""Asking for a command and waiting until the function that owns the service has answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from chalicelib import admission, registry
from chalicelib.api import shape
from chalicelib.journal import place
from chalicelib.model import STATUSES, Asker, Command, CommandKind, Finding, ParapetError
from chalicelib.notices.compose import AFTERWARDS
from chalicelib.settings import dashed
from cli import errors, output
from cli.deployment import Outside

POLL = 0.5


def asker(outside: Outside) -> Asker:
    """Return who asks, as AWS knows them; raises AwsError."""
    caller = outside.deployment.caller
    return Asker(caller.who, caller.arn, "cli")


def reason(why: str) -> str:
    """Return a reason that had to be given; raises ParapetError for an empty one."""
    if not why.strip():
        raise ParapetError("--why is empty: say why, others will want to know")
    return why


def ask(
    outside: Outside,
    kind: CommandKind,
    finding: Finding,
    wait: float,
    *,
    why: str = "",
    until: float = 0.0,
    break_glass: bool = False,
) -> Command:
    """Ask for a command about a finding; returns it as it is once answered, or after `wait` seconds.

    What the journal shows to be impossible is refused here and now; nothing is asked then.

    Raises:
        ParapetError: for a command that cannot be, AwsError among them.
    """
    from chalicelib import commands  # botocore comes with it, which `undo --help` does not need

    where, now, settings = outside.deployment, outside.now(), outside.settings()
    command = commands.new(
        kind,
        asker(outside),
        now,
        settings,
        finding=finding,
        why=why,
        until=until,
        # What somebody decides, they decide about what was asked by now, not about what will be asked meanwhile.
        question=finding.question if kind in ("approve", "reject") else None,
        break_glass=break_glass,
    )
    try:
        admission.admitted(command, finding, where.journal.head(place(finding.violation)), settings, now)
    except admission.Refused as refusal:
        return replace(command, status="refused", answer=refused(refusal))
    return watched(outside, commands.ask(where.journal, where.aws, command), wait)


def watched(outside: Outside, asked: Command, wait: float) -> Command:
    """Return a command as it is once answered, or after `wait` seconds."""
    where = outside.deployment
    deadline = outside.now() + wait
    try:
        while asked.status == "asked" and outside.now() < deadline:
            outside.sleep(POLL)
            asked = where.journal.command(asked.id) or asked
    except KeyboardInterrupt:
        # The command stays asked whether or not somebody waits for it, and the exit code must not say "refused".
        return asked
    return asked


def refused(refusal: ParapetError) -> str:
    """Return a refusal as it is told: what would do, too."""
    insist = "; if it cannot wait for them, --break-glass with --why insists"
    return f"{refusal}{insist if isinstance(refusal, admission.OwnChange) else ''}"


def told(outside: Outside, command: Command, finding: Finding, outcome: str, as_json: bool) -> None:
    """Print how a command went; raises Failure when it was refused or is not answered yet."""
    if as_json:
        output.emit(shape.command(command))
    elif command.status == "done":
        output.say(outcome)
    if command.status == "refused":
        # An approval that came to nothing is answered with the status that the finding has then.
        tried = command.answer.partition(":")[0] in STATUSES
        raise errors.Refused(f"{'tried, but ' if tried else 'refused: '}{command.answer}")
    if command.status == "asked":
        raise errors.NoAnswer(
            f"no answer from guard_{command.service} yet; command {command.id} stays asked and may still be carried "
            f"out. Look at `./parapet show {finding.id}` and at the function's log, {log(outside, command.service)}"
        )


def log(outside: Outside, service: str) -> str:
    """Return the name of the log of the function that owns a service."""
    return f"/aws/lambda/parapet-{outside.settings().stage}-{dashed(f'guard_{service}')}"


def wait_option(command: Any) -> Any:
    """Give a command the option `--wait`."""
    return click.option("--wait", default="60s", show_default=True, help="How long to wait for the outcome.")(command)


def glass_option(command: Any) -> Any:
    """Give a command the option `--break-glass`."""
    text = "Insist on deciding about your own change where four eyes are wanted; needs --why, and is told loudly."
    return click.option("--break-glass", is_flag=True, help=text)(command)


def end(outside: Outside, command: Command, finding: Finding) -> float:
    """Return until when what a finding is about may stay, as the journal has it by now; raises AwsError."""
    at = finding.violation
    permission = outside.deployment.journal.head(place(at)).exemption(at.part, outside.now(), finding.event_id)
    return permission.until if permission else command.until


def afterwards(outside: Outside, finding: Finding) -> str:
    """Return what happens by itself when a permission for a finding ends."""
    name = finding.violation.guardrail
    if name not in registry.names():
        return "nothing happens then: its guardrail no longer exists"
    rail = registry.get(name)
    return AFTERWARDS[outside.settings((rail,)).mode(rail, finding.origin)]
