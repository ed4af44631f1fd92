"""`routes`: where alerts go, and where one with certain words would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from chalicelib import matcher, times
from chalicelib.matcher import FIELDS
from chalicelib.model import Destination, ParapetError
from chalicelib.notices.compose import duration
from chalicelib.notices.routes import DAYS, Hours, Route
from cli import output
from cli.deployment import Outside


@dataclass(frozen=True)
class _Wouldbe:
    """What routes ask of an alert."""

    severity: str = "medium"
    source: str = "alarm"
    name: str = ""
    service: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""


@click.command
@click.argument("about", metavar="[FIELD=VALUE …]", nargs=-1)
@click.option("--at", "moment", metavar="'2026-11-21 03:00'", help="When, in UTC; without it now.")
@output.json_option
@click.pass_obj
def routes(outside: Outside, about: tuple[str, ...], moment: str | None, as_json: bool) -> None:
    """Where alerts go: every route in order, the first that fits counts; or the one that an alert would take.

    FIELD is severity (medium, where not given), source (alarm), name, service, account, region, resource or tag
    (tag=KEY=VALUE).
    """
    chosen, now = outside.settings().routes, outside.now()
    if not about and moment is None:
        every = [*chosen.given, chosen.otherwise]
        if as_json:
            output.emit({"routes": [_shape(one) for one in every]})
            return
        output.table(
            ("route", "for", "hours", "goes to", "one thread per", "told again", "escalates"),
            [
                (
                    one.name, str(one.matcher), _hours(one.hours), _where(one.destination), ", ".join(one.group_by),
                    f"after {duration(one.repeat)}", _escalates(one),
                )
                for one in every
            ],
            whole=("route",),
        )  # fmt: skip
        return
    at = _moment(moment) if moment is not None else now
    wouldbe, tags = _read(about)
    route = chosen.route(wouldbe, tags, at)
    if as_json:
        output.emit({"at": times.iso(at), "route": _shape(route)})
        return
    output.facts(
        [
            ("At", times.absolute(at)),
            ("Route", route.name),
            ("Goes to", _where(route.destination)),
            ("One thread per", ", ".join(route.group_by)),
            ("Told again", f"after {duration(route.repeat)}, until somebody acknowledges"),
            ("Escalates", _escalates(route)),
        ]
    )


def _read(about: tuple[str, ...]) -> tuple[_Wouldbe, dict[str, str]]:
    if not about:
        return _Wouldbe(), {}
    found = matcher.parse(" ".join(about))
    given: dict[str, str] = {}
    for field in FIELDS:
        texts = getattr(found, field)
        if field == "alert" and texts:
            raise ParapetError("alert: routes are for what has no thread yet; leave it out")
        if field not in ("tag", "alert") and texts:
            if len(texts) > 1 or "*" in texts[0]:
                raise ParapetError(f"{field}: one alert has one {field}: not {','.join(texts)}")
            given[field] = texts[0]
    parts = [tag.partition("=") for tag in found.tag]
    return _Wouldbe(**given), {key: value for key, _, value in parts}


def _moment(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ParapetError(f"--at: {text!r} is not a time such as '2026-11-21 03:00'") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _where(to: Destination) -> str:
    parts = [to.slack and f"Slack {to.slack}", to.pagerduty and f"PagerDuty {to.pagerduty}", ", ".join(to.email)]
    return "; ".join(part for part in parts if part) or "nowhere"


def _hours(hours: Hours | None) -> str:
    if hours is None:
        return "always"
    first = next((day for day in sorted(hours.days) if (day - 1) % 7 not in hours.days), 0)
    run = [(first + step) % 7 for step in range(len(hours.days))]
    days = f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 1 else DAYS[first]
    start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.start, hours.end))
    return f"{'' if len(hours.days) == len(DAYS) else f'{days} '}{start}-{end} {hours.zone}"


def _escalates(route: Route) -> str:
    if not route.escalate_after:
        return "to nobody"
    return f"to {route.escalate_to} after {duration(route.escalate_after)}"


def _shape(route: Route) -> dict[str, Any]:
    to = route.destination
    return {
        "route": route.name,
        "for": str(route.matcher),
        "hours": _hours(route.hours),
        "slack": to.slack or None,
        "pagerduty": to.pagerduty or None,
        "email": list(to.email),
        "group_by": list(route.group_by),
        "repeat_seconds": route.repeat,
        "escalate_after_seconds": route.escalate_after or None,
        "escalate_to": route.escalate_to or None,
    }
