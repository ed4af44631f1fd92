"""Asking for a command and waiting until the function that owns the service has answered."""

from __future__ import annotations

from typing import Any

import click

from chalicelib import registry
from chalicelib.api import shape
from chalicelib.model import Command, CommandKind, Finding
from cli import errors, output
from cli.deployment import Outside

POLL = 0.5


def ask(outside: Outside, kind: CommandKind, finding: Finding, why: str, until: float, wait: float) -> Command:
    """Ask for a command and return it as it is once answered, or after `wait` seconds; raises ParapetError."""
    from chalicelib import commands  # botocore comes with it, which `undo --help` does not need

    where = outside.deployment
    asked = commands.ask(where.journal, where.aws, kind, finding, where.caller.who, why, outside.now(), until)
    deadline = outside.now() + wait
    try:
        while asked.status == "asked" and outside.now() < deadline:
            outside.sleep(POLL)
            asked = where.journal.command(asked.id) or asked
    except KeyboardInterrupt:
        # The command stays asked whether or not somebody waits for it, and the exit code must not say "refused".
        return asked
    return asked


def told(outside: Outside, command: Command, finding: Finding, outcome: str, as_json: bool) -> None:
    """Print how a command went; raises Failure when it was refused or is not answered yet."""
    if as_json:
        output.emit(shape.command(command))
    elif command.status == "done":
        output.say(outcome)
    if command.status == "refused":
        raise errors.Refused(f"refused: {command.answer}")
    if command.status == "asked":
        function = f"guard_{command.service}"
        log = f"/aws/lambda/parapet-{outside.settings().stage}-{function}"
        raise errors.NoAnswer(
            f"no answer from {function} yet; command {command.id} stays asked and may still be carried out. "
            f"Look at `./parapet show {finding.id}` and at the function's log, {log}"
        )


def wait_option(command: Any) -> Any:
    """Give a command the option `--wait`."""
    return click.option("--wait", default="60s", show_default=True, help="How long to wait for the outcome.")(command)


def afterwards(outside: Outside, finding: Finding) -> str:
    """Return what happens by itself when a permission for a finding ends."""
    name = finding.violation.guardrail
    if name not in registry.names():
        return "nothing happens then: its guardrail no longer exists"
    rail = registry.get(name)
    return {
        "enforce": "then, if it is still so, it is fixed by itself",
        "approve": "then, if it is still so, Parapet asks what to do",
        "observe": "then, if it is still so, Parapet tells again",
        "off": "nothing happens then: its guardrail is off",
    }[outside.settings((rail,)).mode(rail, finding.origin)]
