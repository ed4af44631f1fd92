"""Alerts: listed, shown, and what one can ask about one: that somebody is on it, silence, that it was for nothing."""

from __future__ import annotations

import re
from dataclasses import replace

from chalicelib import commands, times
from chalicelib.admission import Refused
from chalicelib.alerts import asking, quiet
from chalicelib.alerts.model import Group
from chalicelib.api import params, schemas, shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.commanding import command, once
from chalicelib.api.declared import Param
from chalicelib.api.params import FOR, QUESTION, UNTIL, WHY, WHY_NEEDED
from chalicelib.api.route import Answer, book, chosen, journal, ours, route, table
from chalicelib.model import DAY, CommandKind
from chalicelib.notices.threads import Threads, mark
from chalicelib.pages import SKEW

MOST = 200
# Of an alert it is the episode.
EPISODE = replace(QUESTION, about="the episode that this answers, as it was read", most=1_000_000)


@route(
    "GET", "/alerts", Param("status", "whether it fires; without it: firing", ("firing", "resolved")),
    Param("source", "what reports it"), Param("service", "the workload"), params.SINCE, params.LIMIT, params.AFTER,
    answers=schemas.paged("alerts", schemas.GROUP),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """List alerts, the latest first: those that fire, or with `status=resolved` those of the last day that are over."""
    where, status = book(), asked.one_of("status", ("firing", "resolved")) or "firing"
    since = asked.time("since", times.since, asked.at - DAY if status == "resolved" else 0.0)
    limit, mark = asked.count("limit", 50, MOST), _mark(asked)
    until = mark[0] if mark else asked.at + SKEW
    wanted = {name: asked.given[name] for name in ("source", "service") if name in asked.given}
    found = [
        one
        for one in where.groups("resolved" if status == "resolved" else "firing", since, until)
        if all(getattr(one, name) == value for name, value in wanted.items())
    ]
    found.sort(key=lambda one: (one.opened, one.id), reverse=True)
    left = [one for one in found if mark is None or (one.opened, one.id) < mark]
    page = left[:limit]
    after = f"{page[-1].opened!r}:{page[-1].id}" if len(left) > limit else None
    silences = where.silences()
    return Answer({"alerts": [shape.group(where.shown(one), asked.at, silences) for one in page], "after": after})


def _mark(asked: Asked) -> tuple[float, str] | None:
    text = asked.given.get("after")
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,11}(?:\.\d{1,9})?):(a-[0-9a-v]{8})", text)
    if not match:
        raise Declined(400, f"after: {text!r} is not what an answer of this route had there")
    return float(match[1]), match[2]


@route("GET", "/alerts/{alert}", answers=schemas.ALERT)
def shown(asked: Asked) -> Answer:
    """Show an alert, all that are told in its thread, and what Slack has told there."""
    group, where = _group(asked), book()
    told = Threads(ours(), table()).read(mark(group.thread)).told
    silences, alerts = where.silences(), where.alerts(group.id)
    return Answer(
        {
            **shape.group(group.led_by(alerts), asked.at, silences),
            "alerts": [shape.alert(one) for one in alerts],
            "history": [{"at": times.iso(one.at), "status": one.status, "line": one.line} for one in told],
            "silences": [shape.silence(one) for one in quiet.silencing(group, silences, asked.at)],
        }
    )


@route("POST", "/alerts/{alert}/acknowledge", WHY, EPISODE, answers=schemas.COMMAND, status=202)
def acknowledge(asked: Asked) -> Answer:
    """Say that somebody is on an alert: nobody is asked again until it is over."""
    return _ask(asked, "acknowledge")


@route("POST", "/alerts/{alert}/silence", WHY_NEEDED, FOR, UNTIL, EPISODE, answers=schemas.COMMAND, status=202)
def silence(asked: Asked) -> Answer:
    """Ask for an alert not to be told for a while; that it is over is told all the same."""
    end = asked.end(times.until)
    if end is None:
        raise Declined(400, "for is missing (4h), or until (2026-12-31)")
    return _ask(asked, "silence", end)


@route("POST", "/alerts/{alert}/dismiss", WHY, EPISODE, answers=schemas.COMMAND, status=202)
def dismiss(asked: Asked) -> Answer:
    """Say that there was nothing to do about an alert, which is counted."""
    return _ask(asked, "dismiss")


def _ask(asked: Asked, kind: CommandKind, until: float = 0.0) -> Answer:
    group, where = _group(asked), journal()
    # What is answered is what fired by now.
    episode = asked.count("question", 1, 1_000_000) if "question" in asked.given else group.episode
    wanted = command(asked, kind, chosen(), alert=group.id, until=until, question=episode)
    with once(asked):
        if not (asked.number and where.command(asked.number)) and (sorry := asking.refusal(wanted, group, asked.at)):
            raise Refused(sorry)
        done = commands.ask(where, ours(), wanted)
    return Answer(shape.command(done), 202, {"command": done.id, "alert": group.id})


def _group(asked: Asked) -> Group:
    found = book().group(asked.item) if commands.is_alert(asked.item) else None
    if found is None:
        raise Declined(404, f"there is no alert {asked.item!r}: GET /v1/alerts lists them")
    return found
