"""`silence` and `silences`: of what nobody is told that it fires, by whom, until when, and why."""

from __future__ import annotations

import click

from chalicelib import matcher, times
from chalicelib.alerts import asking as rules
from chalicelib.api import shape
from chalicelib.matcher import Matcher
from chalicelib.model import ParapetError
from cli import alerts, asking, output
from cli.deployment import Outside


@click.command
@click.argument("about", metavar="[ID | FIELD=VALUE …]", nargs=-1)
@click.option("--for", "span", metavar="4h", help="For how long.")
@click.option("--until", metavar="2026-12-31", help="Or until when: a date (to its end, UTC), a time.")
@click.option("--end", "ending", metavar="SILENCE", help="End a silence early, by its id in `./parapet silences`.")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for everybody who wonders.")
@asking.wait_option
@output.json_option
@click.pass_obj
def silence(
    outside: Outside,
    about: tuple[str, ...],
    span: str | None,
    until: str | None,
    ending: str | None,
    why: str,
    wait: str,
    as_json: bool,
) -> None:
    """Tell nobody for a while that an alert fires, or whatever fits all fields; that it is over is told all the same.

    ID is an alert's id, or the beginning of one (a-3f9). FIELD is severity, source, name, service, account, region,
    resource, tag (KEY or KEY=VALUE) or alert; several values have commas between, and * stands for anything.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    now = outside.now()
    asking.reason(why)
    if bool(about) == (ending is not None):
        raise ParapetError("silence takes the ID of an alert, or FIELD=VALUE …, or --end and the id of a silence")
    if ending is not None:
        if span or until:
            raise ParapetError("--end ends a silence now: leave --for and --until out")
        _end(outside, ending, why, as_json)
        return
    if bool(span) == bool(until):
        raise ParapetError("every silence has an end: give --for 4h, or --until 2026-12-31")
    end = times.after(span, "--for", now) if span else times.until(until or "", "--until", now)
    if len(about) == 1 and about[0].lower().startswith(alerts.PREFIX):
        patience = times.span(wait, "--wait")
        group = alerts.resolve(outside, about[0])
        command = alerts.ask(outside, "silence", group, patience, why=why, until=end)
        alerts.told(outside, command, group, f"Silenced until {times.ahead(end, now)}: {group.title}.", as_json)
        return
    _begin(outside, matcher.parse(" ".join(about)), end, why, as_json)


def _begin(outside: Outside, about: Matcher, until: float, why: str, as_json: bool) -> None:
    from chalicelib import commands  # botocore comes with it, which `silence --help` does not need

    where, now, book = outside.deployment, outside.now(), alerts.book(outside)
    command = commands.new(
        "silence", asking.asker(outside), now, outside.settings(), why=why, until=until, matcher=about
    )
    begun = commands.silence(where.journal, book, command, about)
    covers = [one.id for one in book.groups() if about.fits(one, one.tags, one.id)]
    if as_json:
        output.emit({"silence": shape.silence(begun), "covers": covers})
        return
    output.say(
        f"Silenced until {times.ahead(until, now)}: {about}. `./parapet silence --end {begun.id} --why …` ends it."
    )
    fire = "which fires" if len(covers) == 1 else "which fire"
    output.say(f"It covers {', '.join(covers)}, {fire} now." if covers else "Nothing fires now that it covers.")


def _end(outside: Outside, given: str, why: str, as_json: bool) -> None:
    from chalicelib import commands

    book, now = alerts.book(outside), outside.now()
    meant = rules.meant(book.silences(), given, now)
    ended = commands.end_silence(book, outside.settings(), asking.asker(outside), why, now, meant.id)
    if as_json:
        output.emit({"ended": shape.silence(ended)})
        return
    output.say(f"Ended: {ended.matcher} is not silenced any longer. What fires still is told in minutes.")


@click.command
@output.json_option
@click.pass_obj
def silences(outside: Outside, as_json: bool) -> None:
    """What is silenced, soonest end first: until when, by whom and why."""
    now = outside.now()
    found = sorted((one for one in alerts.book(outside).silences() if one.until > now), key=lambda one: one.until)
    if as_json:
        output.emit({"silences": [shape.silence(one) for one in found]})
        return
    if not found:
        output.say("Nothing is silenced.")
        return
    output.table(
        ("until", "id", "what", "by", "why"),
        [(times.ahead(one.until, now), one.id, str(one.matcher), one.who, one.why) for one in found],
        whole=("until", "id"),
    )
    output.say("`./parapet silence --end ID --why …` ends one.")
