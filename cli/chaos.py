"""`chaos`: makes something go wrong with a sample system of the local account, and nowhere else."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.model import ParapetError
from cli import here, output
from cli.deployment import Outside

SYSTEMS = ("shop", "intake", "platform", "images", "saas")
KINDS = {
    "500s": "a third of the requests fails",
    "latency": "everything takes nine times as long",
    "db-connections": "the database has no connection left",
    "targets-down": "nothing is left that could answer",
    "traffic-stops": "nobody comes any more",
    "bad-deploy": "bob deploys a version that fails",
}


@click.command
@click.argument("service", type=click.Choice(SYSTEMS), metavar="SERVICE")
@click.argument("kind", type=click.Choice(tuple(KINDS)), metavar="KIND", required=False)
@click.option("--for", "lasting", default="30m", show_default=True, help="How long, by the clock of the metrics.")
@click.option(
    "--speed", type=click.FloatRange(1, 600), default=60, show_default=True, help="How fast that clock goes meanwhile."
)
@click.option("--stop", is_flag=True, help="End what goes wrong with it.")
@output.json_option
@click.pass_obj
def chaos(
    outside: Outside, /, service: str, kind: str | None, lasting: str, speed: float, stop: bool, as_json: bool
) -> None:
    """Make something go wrong with a sample system: only in the local account.

    SERVICE is shop, intake, platform, images or saas. KIND is 500s, latency, db-connections, targets-down,
    traffic-stops or bad-deploy. CloudWatch's clock goes 60 times as fast until its pages are over, so that half an
    hour takes half a minute.
    """
    if stop == bool(kind):
        raise ParapetError(f"say what goes wrong ({', '.join(KINDS)}), or --stop to end it")
    here.refuse_elsewhere(outside, "chaos breaks things")
    if stop:
        done = here.ask(outside, "/inbox/chaos", {"system": service, "stop": True})
        said = f"{service}: {done['kind']} ends."
    else:
        seconds = times.span(lasting, "--for")
        asked = {"system": service, "kind": kind, "seconds": seconds, "speed": speed}
        done = here.ask(outside, "/inbox/chaos", asked)
        how = f" ({done['done']})" if done.get("done") else ""
        wait = seconds / speed
        took = f"{wait:.0f} s" if wait < 120 else f"{wait / 60:.0f} min"
        end = f"It is over in {took}; `./parapet chaos {service} --stop` ends it now."
        said = f"{service}: {KINDS[kind or '']}{how}. {end}"
    if as_json:
        output.emit({**done, "said": said})
        return
    output.say(said)
