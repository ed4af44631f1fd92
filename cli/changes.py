"""`changes` and `who`: what was changed in the account, and who did it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from chalicelib import times
from chalicelib.ledger import shown
from chalicelib.ledger import who as asking
from chalicelib.ledger.book import KEPT, SKEW
from chalicelib.ledger.history import History
from chalicelib.ledger.model import Change
from chalicelib.model import DAY, ParapetError
from chalicelib.settings import GLOBAL_REGION
from cli import output
from cli.deployment import Outside

ORIGINS = {"ledger": "the ledger", "cloudtrail": "CloudTrail's history", "both": "the ledger and CloudTrail's history"}


@click.command
@click.option("--since", default="24h", show_default=True, metavar="TIME", help="How far back, or from when.")
@click.option("--until", metavar="TIME", help="Not after.")
@click.option("--resource", default="", metavar="NAME", help="What touched it: its id, name or ARN.")
@click.option("--actor", default="", metavar="NAME", help="What this person, user or session did.")
@click.option("--service", default="", metavar="NAME", help="What touched what a service of the settings stands on.")
@click.option("--action", default="", metavar="NAME", help="Calls of this name.")
@click.option("-q", "text", default="", metavar="TEXT", help="With this text anywhere.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@output.json_option
@click.pass_obj
def changes(
    outside: Outside,
    since: str,
    until: str | None,
    resource: str,
    actor: str,
    service: str,
    action: str,
    text: str,
    limit: int,
    as_json: bool,
) -> None:
    """What was changed, newest first: every write of the account's management, by whom, from where, with what."""
    now = outside.now()
    start = times.since(since, "--since", now)
    end = times.since(until, "--until", now) if until else now + SKEW
    if end <= start:
        raise ParapetError("--since must be before --until")
    if sorry := asking.sorry(action):
        raise ParapetError(sorry)
    names = [one.name for one in outside.settings().services]
    if service and service not in names:
        raise ParapetError(f"--service: there is no service {service!r} in the settings: {', '.join(names) or 'none'}")
    book = outside.deployment.ledger
    found: list[Change] = []
    after: str | None = None
    while len(found) < limit:
        page = book.between(
            start, end, resource=resource, actor=actor, service=service, action=action, q=text,
            limit=limit - len(found), after=after,
        )  # fmt: skip
        found += page.changes
        after = page.after
        if after is None:
            break
    if as_json:
        output.emit({"changes": [shown.change(one) for one in found], "after": after})
    elif found:
        _table(found, now)
        if after:
            output.say(f"There may be more: --limit {limit * 4}")
    else:
        began = book.began()
        known = f"the ledger goes back to {times.absolute(began)}" if began else "nothing has come into the ledger yet"
        output.say(f"Nothing changed since {times.absolute(start)}, as far as is known; {known}.")


@click.command
@click.argument("action")
@click.argument("resource", default="")
@click.option("--since", default="90d", show_default=True, metavar="TIME", help="How far back, or from when.")
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="How many calls at most.")
@output.json_option
@click.pass_obj
def who(outside: Outside, action: str, resource: str, since: str, limit: int, as_json: bool) -> None:
    """Who did it: from which address, with what, as which role, and what else in that hour.

    ACTION is a call such as DeleteBucket, or - for any; RESOURCE an id, a name or an ARN. What the ledger does not
    know, CloudTrail is asked for, which takes some seconds.
    """
    now, action = outside.now(), action.strip("-")
    if not (action or resource):
        raise ParapetError("ACTION: - alone asks for nothing: name a RESOURCE, too")
    if sorry := asking.sorry(action):
        raise ParapetError(sorry)
    start = times.since(since, "--since", now)
    if start < now - KEPT - DAY:
        raise ParapetError("--since: neither the ledger nor CloudTrail's history reaches back more than 90 days")
    found = asking.who(outside.deployment.ledger, lambda: _histories(outside), action, resource, start, now, limit)
    if as_json:
        output.emit(shown.known(found, action, resource, start, now))
        return
    output.say(shown.sentence(found, action, resource, start))
    for one in found.calls:
        output.say()
        output.facts(_facts(one.change))
        if one.also and one.also.alike:
            output.say(f"And within half an hour {one.change.actor} also:")
            _table([each.change for each in one.also.alike], now, list(map(shown.alike, one.also.alike)))
        if one.also and (left := shown.rest(one.also, one.change.actor)):
            output.say(left)
    output.say()
    back = f"which goes back to {times.absolute(found.began)}" if found.began else "which is empty yet"
    output.say(f"From {ORIGINS[found.source]}; the ledger, {back}, keeps 90 days.")
    for line in found.missing:
        output.say(f"Not asked: {line}")


def _histories(outside: Outside) -> Iterator[History]:
    where, settings = outside.deployment, outside.settings()
    for region in dict.fromkeys((where.region, GLOBAL_REGION, *settings.regions)):
        yield History(where.at(region), outside.sleep, settings.people)


def _table(found: list[Change] | tuple[Change, ...], now: float, said: list[str] | None = None) -> None:
    output.table(
        ("when", "what", "on", "who", "from", "with", "exactly"),
        [
            (
                times.ago(one.at, now),
                what,
                one.resources[0] if one.resources else "",
                one.actor,
                one.ip,
                one.tool,
                one.what,
            )
            for one, what in zip(found, said or map(shown.called, found), strict=True)
        ],
        whole=("when", "what"),
    )


def _facts(one: Change) -> list[tuple[str, str]]:
    pairs = [
        ("Call", f"{one.action} of {one.source}" + (f", which failed: {one.error}" if one.error else "")),
        ("At", times.absolute(one.at)),
        ("Who", one.actor),
        ("Role", one.role),
        ("From", one.ip),
        ("With", one.tool),
        ("On", ", ".join(one.resources)),
        ("Exactly", one.what),
        ("Where", f"{one.account}, {one.region}"),
        ("Service", ", ".join(one.services)),
        ("Event", one.id),
    ]
    return [(label, text) for label, text in pairs if text]
