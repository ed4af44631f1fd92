"""`alerts` and `alert`: what fires, and everything about one; and asking for something about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from chalicelib import times
from chalicelib.alerts import quiet
from chalicelib.api import shape
from chalicelib.model import DAY, SEVERITIES, Command, CommandKind
from chalicelib.pages import SKEW
from cli import asking, errors, output
from cli.deployment import Outside
from cli.findings import ALERT, DAYS, Unknown

if TYPE_CHECKING:
    from chalicelib.alerts.book import Book
    from chalicelib.alerts.model import Group, Silence

PREFIX = "a-"


def book(outside: Outside) -> Book:
    """Return what is known of alerts."""
    from chalicelib.alerts.book import Book  # half a second of botocore comes with it, which `--help` does not need

    return Book(outside.deployment.aws, outside.deployment.table)


def resolve(outside: Outside, given: str) -> Group:
    """Return the alert that an id, or the beginning of one, names; raises Unknown, AwsError."""
    text, now, where = given.lower(), outside.now(), book(outside)
    if not ALERT.fullmatch(text):
        raise Unknown(f"{given!r} is not an alert's id such as a-3f9k2m1q; ./parapet alerts lists them")
    if len(text) == len(PREFIX) + 8:
        found = where.group(text)
        if found is None:
            raise Unknown(f"there is no alert {given!r}; ./parapet alerts lists them")
        return found
    recent = [*where.groups("firing"), *where.groups("resolved", now - DAYS * DAY, now + SKEW)]
    matches = [one for one in recent if one.id.startswith(text)]
    if not matches:
        raise Unknown(f"no alert starts with {given!r} in the last {DAYS} days; ./parapet alerts lists them")
    if len(matches) > 1:
        shown = ", ".join(f"{one.id} ({one.title})" for one in matches[:5])
        raise Unknown(f"{given!r} could be {shown}{' …' if len(matches) > 5 else ''}: type more of it")
    return matches[0]


def ask(
    outside: Outside, kind: CommandKind, group: Group, wait: float, *, why: str = "", until: float = 0.0
) -> Command:
    """Ask for a command about an alert; returns it as it is once answered, or after `wait` seconds.

    What is a plain no already is refused here and now; nothing is asked then. Raises ParapetError.
    """
    from chalicelib import commands
    from chalicelib.alerts import asking as rules

    where, now = outside.deployment, outside.now()
    command = commands.new(
        kind, asking.asker(outside), now, outside.settings(), alert=group.id, why=why, until=until,
        question=group.episode,
    )  # fmt: skip
    if sorry := rules.refusal(command, group, now):
        return replace(command, status="refused", answer=sorry)
    return asking.watched(outside, commands.ask(where.journal, where.aws, command), wait)


def told(outside: Outside, command: Command, group: Group, outcome: str, as_json: bool) -> None:
    """Print how a command went; raises Failure when it was refused or is not answered yet."""
    if as_json:
        output.emit(shape.command(command))
    elif command.status == "done":
        output.say(outcome)
    if command.status == "refused":
        raise errors.Refused(f"refused: {command.answer}")
    if command.status == "asked":
        raise errors.NoAnswer(
            f"no answer from the function alert yet; command {command.id} stays asked and may still be carried out. "
            f"Look at `./parapet alert {group.id}` and at the log /aws/lambda/parapet-{outside.settings().stage}-alert"
        )


@click.command
@click.option("--status", type=click.Choice(["firing", "resolved"]), default="firing", help="Resolved: of --since.")
@click.option("--source", metavar="alarm|budget|…", help="Only what one source reports.")
@click.option("--service", metavar="NAME", help="Only what is about one workload.")
@click.option("--since", metavar="24h", help="How far back; without it everything that fires, or a day.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@output.json_option
@click.pass_obj
def alerts(
    outside: Outside, status: str, source: str | None, service: str | None, since: str | None, limit: int, as_json: bool
) -> None:
    """What fires, the worst first; or what is over."""
    now = outside.now()
    start = times.since(since, "--since", now) if since else (0.0 if status == "firing" else now - DAY)
    wanted = {name: value for name, value in (("source", source), ("service", service)) if value}
    known = book(outside)
    found = [
        one
        for one in known.groups("resolved" if status == "resolved" else "firing", start, now + SKEW)
        if all(getattr(one, name) == value for name, value in wanted.items())
    ]
    if status == "firing":
        found.sort(key=lambda one: (SEVERITIES.index(one.severity), -one.opened))
    silences = known.silences()
    page = [known.shown(one) for one in found[:limit]]
    if as_json:
        output.emit({"total": len(found), "alerts": [shape.group(one, now, silences) for one in page]})
        return
    if not found:
        output.say("Nothing fires." if status == "firing" else "Nothing has been over in that time.")
        return
    output.table(
        ("id", "since", "severity", "what", "where", "firing", "on it"),
        [
            (
                one.id, times.ago(one.opened, now), output.styled(one.severity), one.title, _where(one),
                f"{one.firing} of {one.total}", _answered(one, quiet.silencing(one, silences, now)),
            )
            for one in page
        ],
        whole=("id", "since", "severity", "firing"),
    )  # fmt: skip
    if len(found) > limit:
        output.say(f"and {len(found) - limit} more: --limit shows them.")


def _answered(one: Group, silences: Sequence[Silence]) -> str:
    """Return who is on it, who was called beside, and whether it is silenced; a dash for none of it."""
    fires = one.status == "firing"
    called = f"escalated to {one.escalate_to}" if fires and one.escalated else ""
    return "; ".join(filter(None, (one.acknowledged, called, "silenced" if fires and silences else ""))) or "–"


def _where(one: Group) -> str:
    return " · ".join(part for part in (one.service, one.account, one.region) if part) or "–"


@click.command
@click.argument("alert_id", metavar="ID")
@output.json_option
@click.pass_obj
def alert(outside: Outside, alert_id: str, as_json: bool) -> None:
    """Everything about one alert: what fires in its thread, what was told, and what can be done about it.

    ID is an alert's id, or the beginning of one (a-3f9).
    """
    from chalicelib.notices.threads import Threads, mark

    group, where, now = resolve(outside, alert_id), outside.deployment, outside.now()
    known = book(outside)
    found = known.alerts(group.id)
    group = group.led_by(found)
    history = Threads(where.aws, where.table).read(mark(group.thread)).told
    silences = known.silences()
    silenced = quiet.silencing(group, silences, now)
    steps = _next(group)
    if as_json:
        output.emit(
            {
                **shape.group(group, now, silences),
                "alerts": [shape.alert(one) for one in found],
                "history": [{"at": times.iso(one.at), "status": one.status, "line": one.line} for one in history],
                "silences": [shape.silence(one) for one in silenced],
                "next": [command for _, command in steps],
            }
        )
        return
    output.facts(
        [
            ("Alert", f"{group.id}, {group.severity}"),
            ("Status", output.styled(group.status)),
            ("What", group.title),
            ("Source", f"{group.source}: {group.name}"),
            ("Where", _where(group)),
            *([("Resource", group.resource)] if group.resource else []),
            ("Since", f"{times.absolute(group.opened)} ({times.ago(group.opened, now)})"),
            ("Firing", f"{group.firing} of {group.total}"),
            ("On it", group.acknowledged or "nobody"),
            *([("Escalated", f"to {group.escalate_to}")] if group.escalated else []),
            *(
                ("Silenced", f"until {times.absolute(one.until)} by {one.who}: {one.why} ({one.id})")
                for one in silenced
            ),
        ]
    )
    if found:
        output.say()
        rows = [
            (
                times.absolute(one.since),
                output.styled(one.status),
                one.title,
                one.quiet and f"kept quiet by {one.quiet}",
            )
            for one in found
        ]
        output.table(("since", "status", "alert", ""), rows, whole=("since", "status"))
    if history:
        output.say()
        rows = [(times.absolute(one.at), output.styled(one.status), one.line, "") for one in history]
        output.table(("told", "as", "what", ""), rows, whole=("told", "as"))
    for what, command in steps:
        output.say()
        output.say(f"{what}:")
        output.say(f"  {command}")


def _next(group: Group) -> list[tuple[str, str]]:
    firing = group.status == "firing"
    steps = [("To say that you are on it", f"./parapet acknowledge {group.id}")] if firing else []
    if group.acknowledged:
        steps = []
    if firing:
        steps.append(("To be left alone for a while", f"./parapet silence {group.id} --for 4h --why REASON"))
    return [*steps, ("If there was nothing to do about it", f"./parapet dismiss {group.id}")]
