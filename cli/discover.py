"""`discover`: what could be watched in this account, as `[[services]]` to put into the settings."""

from __future__ import annotations

import click

from chalicelib.services import discover as discovered
from chalicelib.settings import GLOBAL_REGION
from cli import output
from cli.deployment import Outside
from cli.discovering import Looking

BEYOND = "beyond what parapet.toml has"


@click.command
@click.option("--tag", default="service", show_default=True, help="The tag whose value is the service's name.")
@output.json_option
@click.pass_obj
def discover(outside: Outside, tag: str, as_json: bool) -> None:
    """What could be watched here: services as the settings have them, with a comment why. Nothing is written.

    From what carries the tag, and from what stands behind load balancers, APIs and distributions. Judge it, then put
    it into parapet.toml; services that are there already are left out, and dependencies of theirs are comments.
    """
    deployment = outside.deployment
    standing = Looking(deployment.aws, deployment.at(GLOBAL_REGION), deployment.caller.account, tag).look()
    found = discovered.proposals(standing, tag, outside.settings().services, deployment.region)
    text = discovered.toml(found, standing.unread)
    if as_json:
        output.emit({"services": [one.name for one in found], "toml": text, "unread": list(standing.unread)})
    elif text:
        click.echo("\n".join(map(output.printable, text.split("\n"))), nl=False)
    else:
        click.echo(f"Nothing new: no load balancer, API or distribution, and nothing with the tag {tag}, {BEYOND}.")
