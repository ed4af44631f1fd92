"""`page-test`: a marked test page through the real route to each channel, and what came back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import click

from chalicelib import times
from chalicelib.model import SEVERITIES, Aws, AwsError, Channel, Destination, Notice, ParapetError, Severity
from chalicelib.notices.routes import Route
from chalicelib.section import meant
from chalicelib.settings import PREFIX, Settings
from cli import output
from cli.deployment import Outside

POLL = 1.0
State = Literal["ok", "failed", "not set up"]
FUNCTIONS: Mapping[Channel, str] = {"slack": "notify", "pagerduty": "notify-pagerduty", "email": "notify-email"}
NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True)
class Result:
    """What became of the test on one way to people."""

    way: str
    state: State
    evidence: str


@click.command(name="page-test")
@click.option("--route", "name", default="", metavar="NAME", help="The route to test; else the one for the severity.")
@click.option("--severity", type=click.Choice(SEVERITIES), default="critical", show_default=True)
@click.option("--wait", default="60s", show_default=True, help="How long to wait for each channel.")
@output.json_option
@click.pass_context
def page_test(ctx: click.Context, name: str, severity: Severity, wait: str, as_json: bool) -> None:
    """Send a page that says it is a test the way that a real one goes, and show what came back from each channel.

    PagerDuty's incident is resolved at once when it has come. The way without Parapet, by which CloudWatch pages when
    Parapet is not well, is looked at and not used. Ends with 1 where a channel failed.
    """
    outside: Outside = ctx.obj
    patience, now = times.span(wait, "--wait"), outside.now()
    settings = outside.settings()
    notice = _notice(severity, now, secrets.token_hex(4))
    route = _route(settings, name, notice)
    notice = replace(notice, destination=route.destination)
    aws = outside.deployment.aws
    stage = f"{PREFIX}-{settings.stage}"
    channels, results = _send(aws, stage, notice), []
    for channel in FUNCTIONS:
        if channel in channels:
            results.append(_awaited(outside, channel, notice, now + patience))
        else:
            results.append(Result(channel, *_absent(channel, route)))
    if any(one.way == "pagerduty" and one.state == "ok" for one in results):
        over = Destination(pagerduty=route.destination.pagerduty)
        done = replace(notice, key=f"{notice.key}:over", page="resolve", status="resolved", destination=over,
                       at=outside.now())  # fmt: skip
        _send(aws, stage, done)
        results.append(replace(_awaited(outside, "pagerduty", done, outside.now() + patience), way="pagerduty, over"))
    results += _mailboxes(outside, stage, route.destination.email)
    results += _plain(outside, stage)
    _show(route, results, as_json)
    ctx.exit(1 if any(one.state == "failed" for one in results) else 0)


def _notice(severity: Severity, at: float, token: str) -> Notice:
    key = f"page-test:{token}"
    return Notice(
        key=key, thread=key, kind="alert", severity=severity, status="firing", title="A test of the way to you",
        lines=("Nothing is wrong: somebody tests whether a page would reach you (./parapet page-test).",), facts=(),
        at=at, source="parapet", name="page-test", fingerprint=key, page="trigger", test=True, loud=True,
    )  # fmt: skip


def _route(settings: Settings, name: str, notice: Notice) -> Route:
    if not name:
        return settings.routes.route(notice, {}, notice.at)
    every = {one.name: one for one in (*settings.routes.given, settings.routes.otherwise)}
    if name not in every:
        raise ParapetError(f"{name!r} is no route of parapet.toml{meant(name, every)}")
    return every[name]


def _send(aws: Aws, stage: str, notice: Notice) -> set[Channel]:
    """Put the notice where the real ones go; returns the channels that it goes to. Raises AwsError, ParapetError."""
    from chalicelib.notices import outbox

    queues: dict[Channel, str] = {}
    for channel in FUNCTIONS:
        answer = aws("sqs", "get_queue_url", absent=NO_QUEUE, QueueName=f"{stage}-{channel}.fifo")
        if not answer:
            raise ParapetError(f"there is no queue {stage}-{channel}.fifo in {aws.region}: is Parapet deployed there?")
        queues[channel] = str(answer["QueueUrl"])
    outbox.Outbox(aws, queues, None).send(notice)
    return outbox.channels(notice)


def _absent(channel: Channel, route: Route) -> tuple[State, str]:
    wanted = {
        "slack": 'slack = "#channel"',
        "pagerduty": 'pagerduty = "default"',
        "email": 'email = ["you@example.com"]',
    }
    return "not set up", f"the route {route.name!r} does not name it; it would with {wanted[channel]}"


def _awaited(outside: Outside, channel: Channel, notice: Notice, until: float) -> Result:
    """Wait until a channel's record tells of the notice; else say what its function's log says of it."""
    from chalicelib.notices.threads import Threads, mark

    threads = Threads(outside.deployment.aws, outside.deployment.table, channel)
    while True:
        thread = threads.read(mark(notice.thread))
        told = next((one for one in thread.told if one.key == mark(notice.key)), None)
        if told:
            took = f"{max(0.0, outside.now() - notice.at):.0f} s"
            evidence = {
                "slack": f"message {told.ts} in {thread.channel}",
                "pagerduty": f"{told.line}: PagerDuty took the event (202), incident key {told.ts}",
                "email": f"SNS took it as {told.ts}",
            }[channel]
            return Result(channel, "ok", f"{evidence}, within {took}")
        if outside.now() >= until:
            return Result(channel, "failed", _logged(outside, channel, notice))
        outside.sleep(POLL)


def _logged(outside: Outside, channel: Channel, notice: Notice) -> str:
    """Return what the log of a channel's function says of a notice, or where to look."""
    log = f"/aws/lambda/{PREFIX}-{outside.settings().stage}-{FUNCTIONS[channel]}"
    found = outside.deployment.aws(
        "logs", "filter_log_events", absent=("ResourceNotFoundException",), logGroupName=log,
        filterPattern=f'"{notice.key}"', startTime=int(notice.at * 1000) - 60_000,
    ).get("events", [])  # fmt: skip
    for event in reversed(found):
        try:
            line = json.loads(event["message"])
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("message"):
            return str(line["message"])
    return f"nothing came back in time; look at the log {log}, and later at ./parapet redrive"


def _mailboxes(outside: Outside, stage: str, addresses: Sequence[str]) -> list[Result]:
    """Say of each address of the route whether its owner has confirmed it."""
    if not addresses:
        return []
    known = {one["Endpoint"]: one["SubscriptionArn"] for one in _subscribed(outside, f"{stage}-email")}
    return [
        Result(f"e-mail to {one}", "ok", "confirmed")
        if known.get(one, "").startswith("arn:")
        else Result(
            f"e-mail to {one}",
            "failed",
            "its owner has not confirmed it: the link is in AWS's mail" if one in known
            else "it is not subscribed: deploy, since the route is newer than the stack",
        )
        for one in addresses
    ]  # fmt: skip


def _plain(outside: Outside, stage: str) -> list[Result]:
    """Say who hears without Parapet when Parapet is not well."""
    way, found = "without Parapet", _subscribed(outside, f"{stage}-page")
    if not found:
        return [
            Result(
                way, "not set up", "nobody is paged when Parapet is not well: PARAMETERS='PageEmail=… PagerDutyUrl=…'"
            )
        ]
    return [
        Result(f"{way}: {one['Protocol']}", "ok", "confirmed") if one["SubscriptionArn"].startswith("arn:")
        else Result(f"{way}: {one['Protocol']}", "failed", "not confirmed: the link is in AWS's mail")
        for one in found
    ]  # fmt: skip


def _subscribed(outside: Outside, topic: str) -> list[dict[str, Any]]:
    where = outside.deployment
    partition, account = where.caller.arn.split(":")[1], where.caller.account
    arn = f"arn:{partition}:sns:{where.region}:{account}:{topic}"
    try:
        return where.aws.all("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
    except AwsError as error:
        # A Parapet from before there was such a topic.
        if not error.code.startswith("NotFound"):
            raise
        return []


def _show(route: Route, results: Sequence[Result], as_json: bool) -> None:
    if as_json:
        output.emit({"route": route.name, "results": [asdict(one) for one in results]})
        return
    output.say(f"A test page went the way of the route {route.name!r}.")
    if route.escalate_to:
        output.say(f"Unanswered for {route.escalate_after / 60:g} min, a real one goes to {route.escalate_to} too.")
    output.table(
        ("way", "", "what came back"), [(one.way, one.state, one.evidence) for one in results], whole=("way", "")
    )
