"""`explain` and `timeline`: what happened to a service, what most likely brought it, and all of it in order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from chalicelib import settings, times
from chalicelib.model import AwsError, ParapetError
from chalicelib.section import meant
from cli import output
from cli.deployment import Outside

if TYPE_CHECKING:
    from chalicelib.explain.explained import Explained
    from chalicelib.explain.subject import Desk, Subject


@click.command
@click.argument("name", metavar="ALARM|SERVICE")
@click.option("--at", metavar="TIME", help="About which time: as long ago as this, or a time, UTC (14:02: the last).")
@click.option("--quick", is_flag=True, help="Only what is known within two seconds.")
@output.json_option
@click.pass_obj
def explain(outside: Outside, name: str, at: str | None, quick: bool, as_json: bool) -> None:
    """What happened to a service (now, or --at), or why an alarm went off the last time; whom to suspect, and why.

    Each suspect is told with what speaks for it and what speaks against it. What could not be looked at is named.
    """
    # What only this command needs takes its time to be loaded.
    from chalicelib.explain import explained

    desk = _desk(outside)
    found = explained.explain(desk, _subject(desk, name, at, outside.now()), "quick" if quick else "full")
    document = explained.document(found)
    if as_json:
        output.emit(document)
    else:
        _show(document)
    if not quick and (why := _remember(desk, found)):
        click.echo(f"Not kept for the next time, nor for the timeline: {why}", err=True)


@click.command
@click.argument("name", metavar="SERVICE", required=False)
@click.option("--service", metavar="NAME", help="The same, by its option.")
@click.option(
    "--from", "since", default="24h", show_default=True, metavar="TIME", help="As long ago as this, or a time."
)
@click.option("--to", "until", metavar="TIME", help="Until when, likewise; now without it.")
@output.json_option
@click.pass_obj
def timeline(
    outside: Outside, name: str | None, service: str | None, since: str, until: str | None, as_json: bool
) -> None:
    """What happened to a service, for the post-mortem: alarms, changes, commands, fixes, who and when; as Markdown."""
    from chalicelib.explain import asked
    from chalicelib.explain import timeline as telling

    given = {one for one in (name, service) if one}
    if len(given) != 1:
        raise ParapetError("name one service: ./parapet timeline SERVICE")
    service = given.pop()
    now, desk = outside.now(), _desk(outside)
    end = times.since(until, "--to", now) if until else now
    start = times.since(since, "--from", now)
    if start >= end:
        raise ParapetError(f"--from must be before --to: {times.absolute(start)} is not before {times.absolute(end)}")
    if end - start > telling.LONGEST:
        raise ParapetError("--from must be 7 days before --to at most")
    try:
        known = asked.of_service(desk, service, end, now).service
    except asked.Unknown as error:
        raise ParapetError(f"{error} {_instead(desk, service)}") from None
    assert known is not None
    found = telling.read(desk, known, start, end)
    if as_json:
        about = {"service": service, "from": times.iso(start), "to": times.iso(end)}
        output.emit({**about, "entries": telling.told(found.entries), "missing": list(found.missing)})
    else:
        # As it is: it is for a document, not for a terminal.
        click.echo("\n".join(map(output.printable, telling.markdown(found).splitlines())))


def _desk(outside: Outside) -> Desk:
    from chalicelib import reverting
    from chalicelib.explain.subject import Desk
    from chalicelib.services.watch import Watch

    deployment, stage = outside.deployment, settings.environment(outside.environment).stage

    def reach(region: str) -> Any:
        return deployment.at(region) if region else deployment.aws

    given = outside.settings(reverting.rails())
    return Desk(
        reach, stage, deployment.table, lambda: deployment.ledger, tuple(given.services), Watch(reach, output.say),
        reverting.terms(given),
    )  # fmt: skip


def _remember(desk: Desk, found: Explained) -> str:
    """Keep what came out, as whoever is asking; returns why not: with the right to read alone one has the answer."""
    from chalicelib.explain import told
    from chalicelib.explain.kept import Kept

    if past := told.past(found):
        try:
            Kept(desk.reach(""), desk.table).remember(found.subject.about, past)
        except AwsError as error:
            return f"AWS denies {error.action}" if error.denied else str(error)
    return ""


def _subject(desk: Desk, name: str, at: str | None, now: float) -> Subject:
    """Return what somebody means: a service, or else an alarm; raises ParapetError."""
    from chalicelib.explain import asked

    moment = times.since(at, "--at", now) if at else None
    if any(one.name == name for one in desk.services):
        return asked.of_service(desk, name, moment, now)
    try:
        return asked.of_alarm(desk, name, moment, now)
    except asked.Unknown as error:
        raise ParapetError(
            f"{error} (./parapet alerts lists what fires), and no service of that name {_instead(desk, name)}"
        ) from None


def _instead(desk: Desk, name: str) -> str:
    names = [one.name for one in desk.services]
    return f"in parapet.toml{meant(name, names)}" if names else "in parapet.toml, which has no [[services]]"


def _show(document: Mapping[str, Any]) -> None:
    output.say(document["answer"])
    if document["onset"]:
        output.say(f"How sure: {document['confidence'] * 100:.0f} %")
    for number, one in enumerate(document["suspects"], 1):
        output.say()
        output.say(f"{number}. {one['title']} ({one['score'] * 100:.0f} %), {_clock(one['at'])} UTC")
        for line in one["evidence"]:
            output.say(f"   + {line}")
        for line in one["against"]:
            output.say(f"   - {line}")
    if back := document["revert"]:
        output.say()
        output.say(
            f"To take it back ({back['what']}), people are asked by: {back['command']}"
            if back["command"]
            else f"It is not offered to take it back: {back['why']}"
        )
    output.say()
    rows = [
        (one["id"], one["status"], f"{one['took_ms'] / 1000:.1f} s", _told(one)) for one in document["sections"]
    ]  # fmt: skip
    output.table(("looked at", "", "took", "found"), rows, whole=("looked at", "took"))


def _told(section: Mapping[str, Any]) -> str:
    return "; ".join(filter(None, [section["answer"], section["reason"]])) or "nothing"


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%H:%M}"
