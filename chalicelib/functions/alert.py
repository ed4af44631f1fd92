"""The function that takes what AWS and the team's own rules report, and what people ask for about it."""

import functools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import bus, registry, secrets, telemetry, wiring
from chalicelib.alerts import bindings
from chalicelib.alerts.book import Book
from chalicelib.alerts.dispatch import Dispatch, Moved, Rules
from chalicelib.alerts.parse import parse
from chalicelib.alerts.signal import Signal
from chalicelib.enrich import asked
from chalicelib.enrich.asked import Asked
from chalicelib.journal import Journal
from chalicelib.model import Aws, AwsError, Busy, ParapetError
from chalicelib.notices import compose, outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)
# What has something to show beside what it says itself.
SHOWN = frozenset({"alarm", "budget", "anomaly"})
# What may be asked once so much of a budget is spent.
STOPPING = {"service": "ec2", "guardrail": "ec2_nonproduction_running"}
# SQS delays nothing for longer (seconds).
LATEST = 900.0


@blueprint.on_sqs_message(queue="parapet-alerts", batch_size=10)
def alert(event: SQSEvent) -> dict[str, Any]:
    """Take each report, look or command; what could not be taken goes back to the queue, and in the end is kept."""
    with telemetry.invocation("alert", event.context) as seen:
        account = event.context.invoked_function_arn.split(":")[4]
        failed = take(event.to_dict()["Records"], account, seen)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def take(records: list[Mapping[str, Any]], account: str, seen: Invocation) -> list[str]:
    """Take some messages; returns the ids of those that are to be delivered again."""
    desk, chosen = dispatch(account), settings(account)
    failed: list[str] = []
    reports: list[tuple[str, Signal]] = []
    for record in records:
        # What somebody's alarm has let slip of our own secrets goes no further.
        body = secrets.redacted(record["body"])
        if owed := _ours(body, desk):
            if not _done(owed, record["messageId"], seen):
                failed.append(record["messageId"])
        else:
            reports.append((record["messageId"], parse(body, _received(record), chosen.events, chosen.severities)))
    problems = desk.receive([signal for _, signal in reports]) if reports else {}
    for number, (message, signal) in enumerate(reports):
        about = {"message_id": message, "source": signal.source, "alert_name": signal.name, "event_id": signal.id}
        if number in problems:
            failed.append(message)
            _complain(problems[number], about, seen)
        else:
            seen.line("INFO", f"taken: {signal.title}", **about, state=signal.state, outcome="taken")
    return failed


def _received(record: Mapping[str, Any]) -> float:
    """Return when the queue got a message (epoch seconds)."""
    stamp = record.get("attributes", {}).get("SentTimestamp", "")
    return int(stamp) / 1000 if stamp.isdigit() else time.time()


def _ours(body: str, desk: Dispatch) -> Callable[[], None] | None:
    """Return what a message of our own asks for: to look at something again, or to carry a command out."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, Mapping):
        return None
    look = raw.get("look")
    if isinstance(look, Mapping) and len(raw) == 1:
        if isinstance(name := look.get("group"), str):
            return functools.partial(desk.look_at_group, name)
        if isinstance(name := look.get("alert"), str):
            return functools.partial(desk.look_at_alert, name)
    if isinstance(found := raw.get("evidence"), str) and len(raw) == 1:
        return functools.partial(_learn, desk, found)
    if raw.get("source") == bus.SOURCE and raw.get("detail-type") == bus.COMMAND:
        command = raw["detail"].get("command") if isinstance(raw.get("detail"), Mapping) else None
        return functools.partial(desk.carry_out, str(command))
    return None


def _learn(desk: Dispatch, body: str) -> None:
    desk.learn(outbox.load(body))


def _done(owed: Callable[[], None], message: str, seen: Invocation) -> bool:
    try:
        owed()
    except ParapetError as problem:
        _complain(problem, {"message_id": message}, seen)
        return False
    return True


def _complain(problem: ParapetError, about: Mapping[str, Any], seen: Invocation) -> None:
    if not (isinstance(problem, Busy) or (isinstance(problem, AwsError) and problem.transient)):
        seen.count("Failures")
    seen.line("ERROR", f"not taken: {problem}", **about, outcome=type(problem).__name__)


@functools.cache
def settings(account: str) -> Settings:
    """Return the settings in force, kept for as long as this environment lives."""
    return wiring.configured((), account)


@functools.cache
def dispatch(account: str) -> Dispatch:
    """Return who takes reports, kept for as long as this environment lives."""
    ours, chosen, told = wiring.accounts(account)(account, ""), settings(account), wiring.environment()
    for name, queue in (("PARAPET_ALERT_QUEUE", told.alert_queue), ("PARAPET_ENRICH_QUEUE", told.enrich_queue)):
        if not queue:
            raise ParapetError(f"{name} is not set: it names the queue")

    channels = wiring.outbox(ours, chosen)

    def follow(moved: Moved) -> None:
        if moved.notice and moved.signal.source in SHOWN:
            body = asked.dump(Asked(moved.notice, moved.signal))
            ours("sqs", "send_message", QueueUrl=told.enrich_queue, MessageBody=body)
        wake(ours, channels, moved.signal, chosen)

    def remind(group: str, seconds: float) -> None:
        body = json.dumps({"look": {"group": group}})
        delay = int(min(LATEST, seconds) + 1)
        ours("sqs", "send_message", QueueUrl=told.alert_queue, MessageBody=body, DelaySeconds=delay)

    return Dispatch(
        Book(ours, chosen.table),
        Journal(ours, chosen.table),
        channels,
        Rules(chosen.routes, chosen.inhibit),
        time.time,
        follow,
        remind,
    )


def wake(aws: Aws, channels: Outbox, signal: Signal, chosen: Settings) -> None:
    """Wake the guard functions whose remedies are bound to an alarm that fires or is over; raises AwsError."""
    bound = bindings.bound(signal, chosen.remedies)
    details = [bindings.detail(one, signal.id, signal.at) for one in bound if not one.problem]
    bus.emit(aws, registry.ALARM, details)
    if signal.source == "budget":
        # It reads the budget itself; why wait for the hour.
        looks = [{**STOPPING, "account": aws.account, "region": region} for region in chosen.swept]
        bus.emit(aws, bus.SWEEP, looks)
    for one in bound:
        if one.problem and signal.state == "firing":
            key, title = f"binding:{one.guardrail}:{one.alarm}", f"{one.guardrail} cannot help with {one.alarm}"
            channels.send(compose.of_trouble(key, title, (one.problem,), (), time.time()))
