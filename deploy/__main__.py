"""`python -m deploy`: put a stage of Parapet into an account, change it, return to the release before, remove it.

`make deploy`, `make changes`, `make rollback` and `make destroy` run this; what one gives to make comes as environment.
"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import PurePosixPath
from typing import Any

import click

from chalicelib.journal import Journal
from chalicelib.model import AwsError, ParapetError
from cli import errors, output
from deploy import alarming, canary, plan, removal, shown
from deploy.canary import NotWell
from deploy.plan import Plan
from deploy.resources import STAGE
from deploy.site import Desk, Site
from deploy.stack import StackError, State, Unchanged, ready
from deploy.store import StoreError


class Commands(click.Group):
    """The commands, whose declared errors become one line on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise errors.usage(error) from error
        except (StackError, StoreError, NotWell) as error:
            raise errors.Refused(str(error)) from error
        except Unchanged as error:
            output.say(f"{error}: nothing to do.")
            return None
        except ParapetError as error:
            raise _explained(error, ctx.obj) from error


def _explained(error: ParapetError, desk: Desk) -> errors.Failure:
    if isinstance(error, AwsError) and error.denied:
        # Known by now, unless it was this very question that AWS denies.
        who = "you" if error.action == "sts:GetCallerIdentity" else desk.deployment.caller.who
        return errors.AwsFailure(f"AWS denies {error.action} to {who}: {error.message}")
    failure = errors.explained(error, desk)
    # Nothing is ever deployed there.
    return type(failure)(re.sub(r"[;,] (or )?for the local account run `. local/env`", "", failure.message))


def _stage(ctx: click.Context, _option: click.Parameter, value: str) -> str:
    if not value:
        raise click.UsageError(f"which installation? make {ctx.info_name} STAGE=prod", ctx)
    if not re.fullmatch(STAGE, value):
        raise click.BadParameter(f"{value!r} is no name for a stage: small letters, digits and hyphens, at most 20")
    return value


def _parameters(_ctx: click.Context, _option: click.Parameter, value: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in value.split()]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise click.BadParameter(f"{wrong[0]!r} is not Name=value")
    return {name: text for name, _, text in pairs}


def _names(_ctx: click.Context, _option: click.Parameter, value: str) -> list[str]:
    return [name for name in re.split(r"[,\s]+", value) if name]


stage = click.option("--stage", envvar="STAGE", default="", metavar="prod", callback=_stage, help="Which one.")
bucket = click.option("--bucket", envvar="BUCKET", default="", help="Where artefacts are kept; one is offered.")
yes = click.option("--yes", envvar="YES", is_flag=True, help="Do not ask.")
promote = click.option(
    "--promote", envvar="PROMOTE", default="", callback=_names, metavar="NAME,…|all",
    help="Guardrails of an upgrade that may act from now on.",
)  # fmt: skip
parameters = click.option(
    "--parameters", envvar="PARAMETERS", default="", callback=_parameters, metavar="'NAME=VALUE …'",
    help="Of the template; all others stay as they are.",
)  # fmt: skip


def smoked(command: Any) -> Any:
    """Give a command the options `--canary-vpc` and `--no-canary`."""
    command = click.option(
        "--no-canary", envvar="NO_CANARY", is_flag=True, help="Open and close no security group as a check."
    )(command)
    return click.option(
        "--canary-vpc", envvar="CANARY_VPC", default="", metavar="vpc-…|default", help="Where the canary is opened."
    )(command)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--region", envvar="REGION", default="", help="Where, if AWS_REGION is not it.")
@click.pass_context
def main(ctx: click.Context, region: str) -> None:
    """Put Parapet into the account whose credentials are in use."""
    ctx.obj = ctx.obj or Desk()
    # Whoever ends a deployment, a workflow's timeout too, must not leave an open security group behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    if region:
        ctx.obj.environment = {**ctx.obj.environment, "AWS_REGION": region}


@main.command
@stage
@bucket
@yes
@promote
@parameters
@smoked
@click.pass_obj
def deploy(
    desk: Desk,
    stage: str,
    bucket: str,
    yes: bool,
    promote: list[str],
    parameters: dict[str, str],
    canary_vpc: str,
    no_canary: bool,
) -> None:
    """Show what would change, and after a yes change it, and check that it works."""
    site = _site(desk, stage)
    perch = _perch(site, canary_vpc, no_canary)
    site.tools()
    kept = site.store(bucket)
    if not kept.exists():
        _agreed(yes, f"Make the bucket {kept.bucket} for artefacts (private, encrypted, versioned)?")
        kept.create()
    lacking = plan.lacking(site, ask=not yes)
    _carry_out(plan.upgrade(site, kept, promote, {**lacking, **parameters}), yes, perch)


@main.command
@stage
@bucket
@promote
@parameters
@click.pass_obj
def changes(desk: Desk, stage: str, bucket: str, promote: list[str], parameters: dict[str, str]) -> None:
    """Show what a deployment would change, and change nothing."""
    site = _site(desk, stage)
    site.tools()
    kept = site.store(bucket)
    if not kept.exists():
        raise StoreError(
            f"there is no bucket {kept.bucket}: make deploy STAGE={stage} makes one, BUCKET= names another"
        )
    wanted = plan.upgrade(site, kept, promote, parameters)
    _changing(wanted)
    try:
        proposal = wanted.propose()
    except Unchanged:
        shown.objectives(wanted.objectives)
        raise
    try:
        shown.plan(wanted, proposal)
    finally:
        site.stack.discard(proposal)


@main.command
@stage
@yes
@smoked
@click.pass_obj
def rollback(desk: Desk, stage: str, yes: bool, canary_vpc: str, no_canary: bool) -> None:
    """Return to the release before: its very template, parameters and artefact."""
    site = _site(desk, stage)
    if site.state and site.state.status == "UPDATE_ROLLBACK_COMPLETE":
        output.say("The last deployment failed, and CloudFormation took it back already: this goes back further.")
    _carry_out(plan.rollback(site), yes, _perch(site, canary_vpc, no_canary))


def _found(desk: Desk, stage: str) -> Site:
    site = Site(desk, stage)
    output.say(f"Parapet, stage {stage}, in account {site.caller.account}, {site.region}, as {site.caller.who}")
    return site


def _site(desk: Desk, stage: str) -> Site:
    site = _found(desk, stage)
    ready(site.stack.name, site.state, stage)
    return site


def _perch(site: Site, vpc: str, no_canary: bool) -> str:
    """Return the VPC in which the canary lives, an empty text for no canary; raises ParapetError, AwsError."""
    if no_canary:
        return ""
    if not vpc:
        raise ParapetError(
            f"the check at the end opens a security group, for Parapet to close: {canary.choice(site.aws)}"
        )
    return canary.vpc(site.aws, vpc)


def _agreed(yes: bool, question: str) -> None:
    if not yes:
        output.say()
        click.confirm(question, abort=True)


def _changing(wanted: Plan) -> None:
    output.say(f"To be deployed: {wanted.release}")
    if wanted.unchanged:
        raise Unchanged(f"{wanted.site.stack.name} is that already")


def _carry_out(wanted: Plan, yes: bool, perch: str) -> None:
    """Do what is planned and check that it works, which is checked too when there is nothing to do."""
    site = wanted.site
    try:
        _changing(wanted)
        proposal = wanted.propose()
    except Unchanged as unchanged:
        output.say(f"{unchanged}: nothing to do.")
        if site.state is not None:
            _beside(wanted, yes)
            _smoke(wanted, site.state, perch)
        return
    try:
        shown.plan(wanted, proposal)
        lost = [one.logical for one in proposal.changes if one.loses]
        if yes and lost:
            raise StackError(f"{', '.join(lost)} would lose what is in there, which needs a person: leave out YES=1")
        _agreed(yes, "Do this?")
        wanted.keep()
    except BaseException:
        site.stack.discard(proposal)
        output.say("Nothing was changed.")
        raise
    try:
        state = site.stack.execute(proposal)
    except KeyboardInterrupt:
        output.say(f"CloudFormation goes on without you: look at {site.stack.name} in the console.")
        raise
    output.say(f"{site.stack.name} is {state.status}.")
    alarming.carry_out(site, wanted.store, wanted.objectives)
    _smoke(wanted, state, perch)
    _summed_up(site, state)


def _beside(wanted: Plan, yes: bool) -> None:
    """Do what is left to do about objectives where all else is as it should be: an earlier try may have failed."""
    if not wanted.objectives.unchanged:
        shown.objectives(wanted.objectives)
        _agreed(yes, "Do this?")
        alarming.carry_out(wanted.site, wanted.store, wanted.objectives)


def _smoke(wanted: Plan, state: State, perch: str) -> None:
    site = wanted.site
    try:
        _checked(wanted, state, perch)
    except (NotWell, AwsError) as error:
        back = f"make rollback STAGE={site.stage}" if wanted.release.previous else f"make destroy STAGE={site.stage}"
        raise NotWell(f"it is deployed, but the smoke check failed: {error}. `{back}` takes it back") from error


def _checked(wanted: Plan, state: State, perch: str) -> None:
    site, found = wanted.site, wanted.site.stack.resources()
    names = [physical for kind, physical in found.values() if kind == "AWS::Lambda::Function"]
    count = canary.code(site.aws, names, PurePosixPath(wanted.artefact).stem)
    output.say(f"All {count} functions run the artefact.")
    canary.health(
        state.outputs["ApiUrl"],
        site.region,
        site.desk.credentials(),
        site.desk.send,
        site.clock,
        site.stage,
        wanted.release.version,
    )
    output.say(f"The API answers: version {wanted.release.version}, stage {site.stage}.")
    if perch:
        _sung(wanted, Journal(site.aws, state.outputs["Table"]), perch)


def _sung(wanted: Plan, journal: Journal, vpc: str) -> None:
    site, mode = wanted.site, wanted.release.modes.get(canary.GUARDRAIL, {}).get("event", "off")
    if mode == "off":
        output.say(f"No canary: {canary.GUARDRAIL} is off.")
        return
    output.say(f"Opening port {canary.PORT} of a throw-away security group in {vpc} ...")
    song = canary.sing(site.aws, journal, vpc, mode, site.stage, site.clock, output.say)
    did = "closed it" if song.closed else f"told of it ({song.finding.status if song.finding else mode})"
    finding = f", finding {song.finding.id}" if song.finding else ""
    output.say(f"Parapet {did} after {song.seconds:.0f} s{finding}. The group {song.group} is deleted.")


def _summed_up(site: Site, state: State) -> None:
    console = f"https://{site.region}.console.aws.amazon.com"
    output.say()
    output.facts(
        [
            ("API", f"{state.outputs['ApiUrl']}/v1/health (signed requests)"),
            ("Stack", f"{console}/cloudformation/home?region={site.region}#/stacks/stackinfo?stackId={state.arn}"),
            ("Dashboards", f"{console}/cloudwatch/home?region={site.region}#dashboards"),
            ("Next", f"PARAPET_STAGE={site.stage} ./parapet doctor"),
        ]
    )


# Removing


@main.command
@stage
@yes
@click.option(
    "--delete-journal", envvar="DELETE_JOURNAL", is_flag=True,
    help="The journal too, with every undo in it; asks for the stage's name.",
)  # fmt: skip
@click.pass_obj
def destroy(desk: Desk, stage: str, yes: bool, delete_journal: bool) -> None:
    """Remove a stage; its journal stays unless told otherwise, and so do the artefacts."""
    removal.destroy(_found(desk, stage), yes, delete_journal)


if __name__ == "__main__":
    main(prog_name="python -m deploy")
