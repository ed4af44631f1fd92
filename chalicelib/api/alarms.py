"""CloudWatch's alarms: which are on, since when and why, and what each has been through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from chalicelib import times, wiring
from chalicelib.alerts.console import page, quoted
from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import Param, extended
from chalicelib.api.route import Answer, chosen, mute, ours, route
from chalicelib.model import DAY
from chalicelib.services import alarmed
from chalicelib.services.alarmed import Alarm
from chalicelib.settings import Settings
from chalicelib.slo import alarms

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
MOST = 100
REGION = Param("region", "where it is; without it: the region Parapet runs in, or else where one is called so")


@route(
    "GET", "/alarms", Param("state", "in which state; without it: ALARM", STATES),
    Param("service", "of the objectives of one service"), params.SINCE,
    answers=extended(schemas.listed("alarms", schemas.ALARM), **schemas.MUTE),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """List alarms of all regions where services are, the latest change first; with `since` only what changed since."""
    state, service = asked.one_of("state", STATES) or "ALARM", asked.given.get("service")
    since = asked.time("since", times.since, 0.0)
    settings = chosen()
    prefix = {"AlarmNamePrefix": f"parapet-{settings.stage}-{service}-"} if service else {}
    told = _objectives(settings)
    found, unknown = alarmed.each(
        _regions(settings), lambda region: alarmed.described(ours(region), StateValue=state, **prefix)
    )
    every = sorted((one for some in found.values() for one in some), key=lambda one: (-one.since, one.name))
    shown = [_shown(one, told) for one in every if one.since >= since]
    some = [one for one in shown if not service or one["service"] == service]
    return Answer({"alarms": some, "alarms_unknown": mute(unknown)})


@route("GET", "/alarms/{alarm}", REGION, answers=schemas.ALARM)
def shown(asked: Asked) -> Answer:
    """Show one alarm as it stands."""
    return Answer(_shown(_alarm(asked), _objectives(chosen())))


@route(
    "GET", "/alarms/{alarm}/history", REGION, params.SINCE, params.LIMIT,
    answers=schemas.listed("history", schemas.CHANGE),
)  # fmt: skip
def history(asked: Asked) -> Answer:
    """Tell which states an alarm has been in, the latest first; of the last day without `since`."""
    one = _alarm(asked)
    since = asked.time("since", times.since, asked.at - DAY)
    raws = ours(one.region).all(
        "cloudwatch", "describe_alarm_history", "AlarmHistoryItems", AlarmName=one.name,
        AlarmTypes=["MetricAlarm", "CompositeAlarm"], HistoryItemType="StateUpdate", ScanBy="TimestampDescending",
        StartDate=times.iso(since), EndDate=times.iso(asked.at + 60),
    )  # fmt: skip
    limit = asked.count("limit", MOST, params.LIMIT.most)
    return Answer(
        {
            "history": [
                {"at": times.iso(raw["Timestamp"].timestamp()), "summary": raw["HistorySummary"]}
                for raw in raws[:limit]
            ]
        }
    )


def _alarm(asked: Asked) -> Alarm:
    """Return the alarm of a name: in the region that was asked for, or else where there is one, ours first."""
    name, region = unquote(asked.item), asked.given.get("region")
    there = _regions(chosen())
    if region:
        home = wiring.home()
        if region not in (home, *there):
            raise Declined(
                400, f"region: nothing of a service is in {region!r}, but in {', '.join((home, *there[1:]))}"
            )
        there = (region,)
    found, unknown = alarmed.each(there, lambda one: alarmed.described(ours(one), AlarmNames=[name]))
    for one in (one for some in found.values() for one in some):
        if one.name == name:
            return one
    for error in unknown.values():
        raise error
    raise Declined(404, f"there is no alarm {name!r} here: GET /v1/alarms lists those that are on")


def _regions(settings: Settings) -> tuple[str, ...]:
    return alarmed.regions(settings.services, wiring.home())


def _objectives(settings: Settings) -> Mapping[str, tuple[str, str, bool]]:
    """Return the names of all alarms of objectives: whose each is, and whether it tells anybody."""
    return {
        alarms.name(settings.stage, objective.id, end): (service.name, objective.id, end in alarmed.TELLING)
        for service in settings.services
        for objective in service.objectives
        for end in (*alarmed.TELLING, *alarms.SILENT)
    }


def _shown(one: Alarm, told: Mapping[str, tuple[str, str, bool]]) -> dict[str, Any]:
    service, objective, tells = told.get(one.name, (None, None, True))
    return {
        "name": one.name,
        "state": one.state,
        "since": times.iso(one.since),
        "reason": one.reason,
        "about": one.about,
        "kind": "composite" if one.composite else "metric",
        "region": one.region,
        "service": service,
        "objective": objective,
        "tells": tells,
        "console": page(one.region, f"/cloudwatch/home?region={{region}}#alarmsV2:alarm/{quoted(one.name)}"),
    }
