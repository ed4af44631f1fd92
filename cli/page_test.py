"""`page-test`: a marked test page through the real route to each channel, and what came back."""

from __future__ import annotations

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
State = Literal["ok", "failed", "no answer", "not set up"]
FUNCTIONS: Mapping[Channel, str] = {"slack": "notify", "pagerduty": "notify-pagerduty", "email": "notify-email"}
# A way as it is shown, its channel, and what is sent there.
Page = tuple[str, Channel, Notice]
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

    Whom the route escalates to is tested too, without the wait. In the end the test is resolved in every channel, so
    that no incident stays open. The way without Parapet, by which CloudWatch pages when Parapet is not well, is looked
    at and not used. Ends with 1 where a channel refused, or did not answer.
    """
    outside: Outside = ctx.obj
    patience, now = times.span(wait, "--wait"), outside.now()
    settings = outside.settings()
    notice = _notice(severity, now, secrets.token_hex(4))
    route = _route(settings, name, notice)
    notice = replace(notice, destination=route.destination)
    aws = outside.deployment.aws
    stage = f"{PREFIX}-{settings.stage}"
    channels, escalation = _send(aws, stage, notice), _escalation(route, notice)
    pages: list[Page] = [(channel, channel, notice) for channel in FUNCTIONS if channel in channels]
    if escalation:
        _send(aws, stage, escalation)
        pages.append((f"pagerduty, escalated to {route.escalate_to}", "pagerduty", escalation))
    results = [_awaited(outside, *one, now + patience) for one in pages]
    came = [page for page, result in zip(pages, results, strict=True) if result.state != "failed"]
    waited = {channel for (_, channel, _), result in zip(pages, results, strict=True) if result.state == "ok"}
    results += [Result(one, *_absent(one, route)) for one in FUNCTIONS if one not in channels]
    over = _over(came, notice, outside.now())
    _send(aws, stage, over)
    results += [_ended(outside, one, over, over.at + patience) for one in FUNCTIONS if one in waited]
    results += _mailboxes(outside, stage, route.destination.email)
    results += _plain(outside, stage)
    _show(route, results, as_json)
    ctx.exit(1 if any(one.state in ("failed", "no answer") for one in results) else 0)


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


def _escalation(route: Route, notice: Notice) -> Notice | None:
    """Return the page for whom the route escalates to, where that is somebody else."""
    if route.escalate_to in ("", route.destination.pagerduty):
        return None
    to = Destination(pagerduty=route.escalate_to)
    return replace(notice, key=f"{notice.key}:{route.escalate_to}", status="escalated", destination=to, loud=False)


def _over(came: Sequence[Page], notice: Notice, at: float) -> Notice:
    """Return the end of the test, for wherever it has come or may still come."""
    reached = [(channel, page.destination) for _, channel, page in came if page.destination]
    where = Destination(
        slack=next((one.slack for channel, one in reached if channel == "slack"), ""),
        # The other service that was paged in this thread hears of it too.
        pagerduty=next((one.pagerduty for channel, one in reached if channel == "pagerduty"), ""),
        email=next((one.email for channel, one in reached if channel == "email"), ()),
    )
    return replace(
        notice, key=f"{notice.key}:over", status="resolved", page="resolve", destination=where, loud=False,
        title=f"Resolved: {notice.title}", lines=("TEST over: nothing was wrong.",), at=at,
    )  # fmt: skip


def _ended(outside: Outside, channel: Channel, over: Notice, until: float) -> Result:
    found = _awaited(outside, f"{channel}, over", channel, over, until)
    if channel == "pagerduty" and found.state != "ok":
        return replace(found, evidence=f"resolve the test's incident in PagerDuty yourself: {found.evidence}")
    return found


def _awaited(outside: Outside, way: str, channel: Channel, notice: Notice, until: float) -> Result:
    """Wait until a channel's record tells what became of the notice."""
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
            return Result(way, "ok", f"{evidence}, within {took}")
        failed = next((one for one in thread.failed if one.key == mark(notice.key)), None)
        if failed and failed.final:
            return Result(way, "failed", failed.why)
        if outside.now() >= until:
            log = f"/aws/lambda/{PREFIX}-{outside.settings().stage}-{FUNCTIONS[channel]}"
            why = failed.why if failed else f"nothing came back in time; look at the log {log}"
            return Result(way, "no answer", f"{why} (it is tried again)")
        outside.sleep(POLL)


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
        after = f"{route.escalate_after / 60:g} min"
        output.say(f"Unanswered for {after}, a real one goes to {route.escalate_to} too; the test went there at once.")
    output.table(
        ("way", "", "what came back"), [(one.way, one.state, one.evidence) for one in results], whole=("way", "")
    )
