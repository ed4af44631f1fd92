"""`member-template`: what the organisation's other accounts need, as a CloudFormation template."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from chalicelib import registry
from chalicelib.model import ParapetError
from chalicelib.settings import PREFIX, Settings
from cli.deployment import Outside
from deploy import member, release


@click.command("member-template")
@click.option("--stage", metavar="prod", help="The stage that is meant; default PARAPET_STAGE.")
@click.pass_obj
def member_template(outside: Outside, stage: str | None) -> None:
    """Print the CloudFormation template of a StackSet, for the organisation's other accounts and our own other regions.

    It holds the roles that the modes in force need, and the rules that forward events: print it anew and update the
    StackSet when modes change or Parapet is upgraded. Its instances belong into the accounts and regions of
    parapet.toml, us-east-1 always among them, where IAM and sign-in events arrive.
    """
    settings = outside.settings(registry.load())
    settings = replace(settings, stage=stage or settings.stage)
    click.echo(json.dumps(member.template(replace(settings, observed=_observed(outside, settings))), indent=1))


def _observed(outside: Outside, settings: Settings) -> tuple[str, ...]:
    """Return the guardrails that the deployed stage only observes, since an upgrade brought them."""
    stack = f"{PREFIX}-{settings.stage}"
    try:
        answer = outside.deployment.aws("cloudformation", "get_template", StackName=stack)
        return release.of(answer["TemplateBody"]).observed
    except ParapetError as problem:
        told = (
            f"what an upgrade brought and {stack} only observes is not known ({problem}): all modes are taken from here"
        )
        click.echo(f"parapet: {told}", err=True)
        return settings.observed
