"""`python -m cli`: the commands by name, each imported only when it is asked for.

Click and not Typer: `--help` imports 41 ms of modules with the one, 195 ms with the other (docs/command-line.md).
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from typing_extensions import Buffer

COMMANDS: Mapping[str, tuple[str, str]] = {
    "status": ("cli.status", "Is fixing paused, and what stands?"),
    "journal": ("cli.journal", "What was found, newest first: what, who, from where, how fast it was fixed."),
    "show": ("cli.show", "Everything about one finding, and what can be done about it."),
    "approve": ("cli.answer", "Have a fix made now that Parapet asks about."),
    "reject": ("cli.answer", "Answer that a fix must not be made."),
    "alerts": ("cli.alerts", "What fires, the worst first."),
    "alert": ("cli.alerts", "Everything about one alert, and what can be done about it."),
    "acknowledge": ("cli.answer", "Say that somebody has seen it, or is on it."),
    "silence": ("cli.silence", "Tell nobody for a while that an alert, or whatever fits, fires; or end that."),
    "silences": ("cli.silence", "What is silenced, by whom and until when."),
    "dismiss": ("cli.answer", "Say that there was nothing to do about an alert."),
    "changes": ("cli.changes", "What was changed in the account, newest first, by whom and from where."),
    "who": ("cli.changes", "Who called something: from which address, with what, and what else they did."),
    "revert": ("cli.revert", "Have people asked whether a change is to be taken back."),
    "undo": ("cli.undo", "Take a fix back, for a while: one, or all of a span of time."),
    "exempt": ("cli.exempt", "Permit something to stay or become as it is, until a date; or end that."),
    "exemptions": ("cli.exemptions", "What is permitted, by whom and until when."),
    "pause": ("cli.pause", "Stop fixing at once, everything or a part; telling goes on."),
    "resume": ("cli.pause", "Let Parapet fix again, and look again at what was held."),
    "explain": ("cli.explain", "What happened to a service or why an alarm went off, and what most likely brought it."),
    "timeline": ("cli.explain", "What happened to a service between two times, as Markdown for the post-mortem."),
    "map": ("cli.traces", "Who calls whom, and where it hurts more than in the hour before."),
    "traces": ("cli.traces", "Sample requests, or one of them with its steps and log lines."),
    "routes": ("cli.routes", "Where alerts go, and where one would go."),
    "query": ("cli.query", "Ask the logs: the named queries, and running one, or one of your own."),
    "report": ("cli.report", "The scheduled reports on the logs: how they went, and running one now."),
    "discover": ("cli.discover", "What could be watched here, as services to put into the settings."),
    "guardrails": ("cli.guardrails", "Every promise, and the modes in force."),
    "backtest": ("cli.backtest", "How often would an objective have woken somebody lately?"),
    "audit": ("cli.audit", "One page about a month: fixed, undone, permitted by whom, how fast, per control."),
    "verify": ("cli.verify", "Is the evidence whole, and does the journal still say the same?"),
    "doctor": ("cli.doctor", "Is everything there that Parapet needs, and what is to be done where it is not?"),
    "redrive": ("cli.redrive", "What nobody could deliver or do, and putting it back once the cause is mended."),
    "page-test": ("cli.page_test", "Send a marked test page the real way, and see what comes back."),
    "permissions": ("cli.permissions", "What every role of Parapet's may change, read and delete."),
    "token": ("cli.token", "A token for the HTTP API and its page."),
    "fire": ("cli.fire", "Make trouble up in the local account, to see what people would be told."),
    "chaos": ("cli.chaos", "Make a sample system of the local account fail, to see what shows and who is told."),
    "member-template": ("cli.member_template", "What other accounts and regions need, as a CloudFormation template."),
}


class Commands(click.Group):
    """The commands, in the order in which somebody on call needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what Parapet declares as an error becomes one line on stderr and an exit code."""
        # `--help` never gets here and should not pay for these.
        from chalicelib.model import ParapetError
        from cli import errors

        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise errors.usage(error) from error
        except ParapetError as error:
            raise errors.explained(error, ctx.obj) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def parapet(ctx: click.Context) -> None:
    """Ask Parapet what it found and did, take a fix back, permit, pause.

    Settings come from the environment: PARAPET_STAGE, PARAPET_TABLE, PARAPET_SETTINGS and AWS's own
    (`. local/env` sets them for the local account). `./parapet COMMAND --help` tells each command's options.
    """
    if ctx.obj is None:
        from cli.deployment import Outside

        ctx.obj = Outside()


class Outlet(io.FileIO):
    """Where output goes; nowhere any more once nobody reads it, as after `| head -1`: that is no failure."""

    def write(self, data: Buffer, /) -> int:
        """Write bytes, or drop them; returns how many they are."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


if __name__ == "__main__":
    if not sys.stdout.isatty():
        out = io.BufferedWriter(Outlet(sys.stdout.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(out, sys.stdout.encoding, sys.stdout.errors)
    parapet(prog_name="./parapet")
