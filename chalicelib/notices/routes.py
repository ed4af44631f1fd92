"""Which notices go to which channel, how they are grouped, and who is woken when nobody answers: pure.

The first route that fits counts; what fits none goes to Parapet's own Slack channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from chalicelib import matcher
from chalicelib.matcher import ANYTHING, About, Matcher
from chalicelib.model import Destination, Notice
from chalicelib.people import MAIL
from chalicelib.section import Section, SettingsError, meant, zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS = ("severity", "source", "name", "service", "account", "region", "resource")
# What belongs together unless a route says otherwise.
GROUPED = ("source", "service", "account", "region")
HOURS = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))? )?(?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d)(?: (?P<zone>\S+))?"
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of some days of the week, in a time zone: from `start` up to before `end`, in minutes of the day.

    Hours that end before they start go on into the next day, and belong to the day on which they start.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: tzinfo = UTC

    def at(self, moment: float) -> bool:
        """Whether a time (epoch seconds) is within."""
        local = datetime.fromtimestamp(moment, self.zone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.end)


@dataclass(frozen=True, slots=True)
class Route:
    """Where what fits goes, and how.

    Args:
        name: what errors and `./parapet routes` call it.
        matcher: what it is for.
        hours: only then; None: always.
        destination: where to.
        group_by: what of an alert makes one thread: GROUPS, or `tag:KEY`.
        repeat: after so many seconds without an answer an alert that still fires is told again.
        escalate_after: after so many seconds without an answer somebody else is paged; 0: nobody.
        escalate_to: the PagerDuty service that is paged then.
    """

    name: str
    destination: Destination
    matcher: Matcher = ANYTHING
    hours: Hours | None = None
    group_by: tuple[str, ...] = GROUPED
    repeat: float = 4 * 3600.0
    escalate_after: float = 0.0
    escalate_to: str = ""


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes, in their order, and the one for everything else."""

    otherwise: Route = field(default_factory=lambda: Route("otherwise", Destination(slack="#parapet")))
    given: tuple[Route, ...] = ()

    def route(self, about: About, tags: Mapping[str, str], at: float) -> Route:
        """Return the first route that fits at a time."""
        for route in self.given:
            if route.matcher.fits(about, tags) and (route.hours is None or route.hours.at(at)):
                return route
        return self.otherwise

    def destination(self, notice: Notice) -> Destination:
        """Return where a notice goes: where it says itself, or where its route says; to one person, only by Slack."""
        if notice.to:
            return Destination(slack=self.otherwise.destination.slack)
        return notice.destination or self.route(notice, dict(notice.tags), notice.at).destination

    @property
    def pages(self) -> bool:
        """Whether any route pages anybody."""
        return any(route.destination.pagerduty or route.escalate_to for route in (self.otherwise, *self.given))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return every e-mail address that a route names, each once."""
        every = (self.otherwise, *self.given)
        return tuple(dict.fromkeys(one for route in every for one in route.destination.email))


def read(sections: Sequence[Section], slack: str, services: Sequence[str]) -> Routes:
    """Return the routes of the settings.

    Args:
        sections: each `[[routes]]`, in order.
        slack: the channel for what no route is for.
        services: the names of the PagerDuty services that the settings know.

    Raises:
        SettingsError: naming the route, the key, and what would do.
    """
    return Routes(
        Route("otherwise", Destination(slack)),
        tuple(_route(section, number, slack, services) for number, section in enumerate(sections, 1)),
    )


def _route(section: Section, number: int, slack: str, services: Sequence[str]) -> Route:
    name = section.text("route", f"route {number}")
    destination = Destination(
        slack=section.channel("slack", "") or ("" if {"pagerduty", "email"} & set(section.content) else slack),
        pagerduty=_service(section, "pagerduty", services),
        email=section.texts("email", MAIL.pattern, "an e-mail address"),
        mention=_mention(section),
    )
    text = section.text("hours", "")
    after = section.seconds("escalate_after", "10m") if "escalate_after" in section.content else 0.0
    to = _service(section, "escalate_to", services)
    if bool(after) != bool(to):
        raise SettingsError(f"{section.where('escalate_after')} and escalate_to belong together: after how long, whom")
    route = Route(
        name,
        destination,
        matcher.read(section),
        hours(text, section.where("hours")) if text else None,
        section.texts("group_by", rf"{'|'.join(GROUPS)}|tag:\S+", f"one of {', '.join(GROUPS)}, tag:KEY", GROUPED),
        section.seconds("repeat", "4h", least=300.0),
        after,
        to,
    )
    section.nothing_else()
    return route


def _mention(section: Section) -> str:
    text = section.text("mention", "")
    if text and not re.fullmatch(r"[UWS][A-Z0-9]{6,}|here|channel", text):
        where = section.where("mention")
        raise SettingsError(f"{where}: {text!r} is no id of a Slack user (U…) or user group (S…), here or channel")
    return text


def _service(section: Section, key: str, services: Sequence[str]) -> str:
    name = section.text(key, "")
    if name and name not in services:
        raise SettingsError(f"{section.where(key)}: {name!r} is no service under [pagerduty]{meant(name, services)}")
    return name


def hours(text: str, where: str) -> Hours:
    """Return hours such as `08:00-18:00`, `mon-fri 08:00-18:00 Europe/Berlin`; raises SettingsError."""
    match = HOURS.fullmatch(text.strip())
    if not match:
        raise SettingsError(f"{where}: {text!r} is not hours such as 'mon-fri 08:00-18:00 Europe/Berlin'")
    first = (match["first"] or "mon").lower()
    last = (match["last"] or match["first"] or "sun").lower()
    for day in (first, last):
        if day not in DAYS:
            raise SettingsError(f"{where}: {day!r} is not a day: {', '.join(DAYS)}")
    start, end = (_minute(match[side], where) for side in ("from", "to"))
    days, reach = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7
    return Hours(
        frozenset((days + step) % 7 for step in range(reach + 1)), start, end, zone(match["zone"] or "UTC", where)
    )


def _minute(text: str, where: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise SettingsError(f"{where}: {text!r} is not a time of day")
    return hour * 60 + minute
