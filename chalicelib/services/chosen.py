"""The services of `parapet.toml`: `[[services]]`, each with its entry, dependencies and objectives.

[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
dependencies = [{ kind = "rds", instance = "shop", max_connections = 413 }]
objectives = [{ availability = 99.9 }, { latency = 95, under = "300ms", window = "28d" }]
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.insights import chosen as insights
from chalicelib.model import DAY, ParapetError
from chalicelib.section import Section, SettingsError, meant
from chalicelib.services import kinds, sli
from chalicelib.services.model import Aspect, Objective, Service, Target
from chalicelib.slo import burn

# Both of an objective's are in the name of each of its alarms, and in ids of its stack.
NAME, REGION = r"[a-z][a-z0-9-]{0,39}", r"[a-z]{2}(-[a-z]+)+-\d"
NAMED = "lower-case letters, digits and dashes, a letter first, 40 at most"
SERVICE = ("name", "entry", "dependencies", "objectives", "runbook")
TARGET = ("kind", "region", "account")
OBJECTIVE = ("availability", "latency", "under", "name", "window", "few", "absent")
WINDOWS = (7, 28, 30)
# Above that even a single bad request of a hundred thousand is too many, and no alarm can tell.
GOAL, HIGHEST = 99.9, 99.999
_SHORT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read(sections: Sequence[Section]) -> tuple[Service, ...]:
    """Return the services; raises SettingsError, also for an objective that could never page."""
    found = tuple(map(_service, sections))
    names: set[str] = set()
    promised: dict[str, str] = {}
    for section, service in zip(sections, found, strict=True):
        if service.name in names:
            raise SettingsError(f"{section.where('name')}: there is another service {service.name!r}")
        names.add(service.name)
        for objective in service.objectives:
            # Of shop's `eu-latency` and shop-eu's `latency` one could not tell which is meant.
            if other := promised.get(objective.id):
                raise SettingsError(f"{section.file}: {section.name}: {other} has an objective {objective.id}, too")
            promised[objective.id] = service.name
    return found


def _service(section: Section) -> Service:
    if "name" not in section.content:
        raise section.lacks("name", NAMED, SERVICE)
    name = section.text("name", "")
    if not re.fullmatch(NAME, name):
        raise SettingsError(f"{section.where('name')}: {name!r} is not a name: {NAMED}")
    # Whoever reads an error knows its name, and not which number it has.
    section = Section(f"{section.file}: service {name}", section.name, section.content)
    name, runbook = section.text("name", ""), section.text("runbook", "")
    if runbook and not runbook.startswith("https://"):
        raise SettingsError(f"{section.where('runbook')}: {runbook!r} is not an address that begins with https://")
    if "entry" not in section.content:
        like = '{ kind = "alb", load_balancer = "app/NAME/ID" }'
        raise section.lacks("entry", f"where its users come in, such as {like}", SERVICE)
    entry = _target(section.table("entry"), "entry")
    dependencies: list[Target] = []
    for one in section.tables("dependencies"):
        if (dependency := _target(one, "dependency")) in (entry, *dependencies):
            raise SettingsError(f"{one.file}: {one.name}: {kinds.titled(dependency)} is there already")
        dependencies.append(dependency)
    logs = insights.logs(section.table("logs"))
    service = Service(name, entry, tuple(dependencies), _objectives(section, name, entry), runbook, logs)
    section.nothing_else()
    return service


def _target(section: Section, place: str) -> Target:
    kind = _kind(section, place)
    found = kinds.find(kind)
    given = {}
    for key, one in found.fields.items():
        if key in section.content:
            given[key] = _value(section, key, one)
        elif one.needed:
            raise section.lacks(key, one.what, (*found.fields, *TARGET))
        section.known.append(key)
    region, account = section.text("region", ""), section.text("account", "")
    if region and not re.fullmatch(REGION, region):
        raise SettingsError(f"{section.where('region')}: {region!r} is not a region such as eu-west-1")
    if region and found.region not in ("", region):
        raise SettingsError(f"{section.where('region')}: metrics of a {found.label} are in {found.region} alone")
    if account and not re.fullmatch(r"\d{12}", account):
        raise SettingsError(f"{section.where('account')}: {account!r} is not an account id of 12 digits")
    section.nothing_else()
    if sorry := found.checks(given):
        raise SettingsError(f"{section.file}: {section.name}: {sorry}")
    return Target(kind, given, found.region or region, account)


def _kind(section: Section, place: str) -> str:
    places: Mapping[str, tuple[str, ...]] = {"entry": kinds.ENTRIES, "dependency": kinds.DEPENDENCIES}
    here = places[place]
    if "kind" not in section.content:
        raise section.lacks("kind", f"one of {', '.join(here)}", TARGET)
    kind, where = section.text("kind", ""), section.where("kind")
    if kind in here:
        return kind
    if not any(kind in known for known in places.values()):
        raise SettingsError(f"{where}: {kind!r} is not a kind of {place}{meant(kind, here)}")
    sorry = "an entry, for nobody comes in there" if place == "entry" else "a dependency, for nothing stands on it"
    raise SettingsError(f"{where}: {kind!r} cannot be {sorry}; there are: {', '.join(here)}")


def _value(section: Section, key: str, field: kinds.Field) -> Any:
    """Return what a key of a target is given; raises SettingsError."""
    value, where = section.take(key, None), section.where(key)
    if field.shape == "flag":
        if not isinstance(value, bool):
            raise SettingsError(f"{where} must be true or false, not {value!r}: {field.what}")
    elif field.shape == "list":
        return section.texts(key, field.pattern, field.what)
    elif field.shape == "table":
        if not isinstance(value, dict) or not value:
            raise SettingsError(f"{where} must be a table of texts, not {value!r}: {field.what}")
        for name, text in value.items():
            if not isinstance(text, str) or not re.fullmatch(field.pattern, text):
                raise SettingsError(f"{where}.{name} must be a text in quotes, not {text!r}: {field.what}")
    elif field.pattern:
        if not isinstance(value, str) or not re.fullmatch(field.pattern, value):
            raise SettingsError(f"{where}: {value!r} is not {field.what}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SettingsError(f"{where} must be a number above 0, not {value!r}: {field.what}")
    return value


def _objectives(section: Section, service: str, entry: Target) -> tuple[Objective, ...]:
    measured = kinds.measures(entry)
    given = section.tables("objectives")
    if not given and "objectives" not in section.content and measured.availability is not None:
        return (Objective(service, "availability", "availability", GOAL),)
    found: list[Objective] = []
    for one in given:
        objective = _objective(one, service)
        if objective.name in [other.name for other in found]:
            raise SettingsError(
                f"{one.where('name')}: {service} has another objective {objective.name!r}: name one of them"
            )
        try:
            sli.of(objective, measured)
        except ParapetError as error:
            raise SettingsError(f"{one.file}: {one.name}: {error}") from None
        found.append(objective)
    return tuple(found)


def _objective(section: Section, service: str) -> Objective:
    aspects: list[Aspect] = [one for one in ("availability", "latency") if one in section.content]
    if len(aspects) != 1:
        if not aspects:
            raise section.lacks("availability or latency", "how many percent", OBJECTIVE)
        raise SettingsError(f"{section.file}: {section.name} has availability and latency: make two objectives of it")
    aspect = aspects[0]
    goal = section.content[aspect]
    section.known += ["availability", "latency"]
    if isinstance(goal, bool) or not isinstance(goal, int | float) or not 0 < goal <= HIGHEST:
        raise SettingsError(
            f"{section.where(aspect)} must be a percentage such as 99.9, {HIGHEST} at most, not {goal!r}"
        )
    name = section.text("name", aspect)
    if not re.fullmatch(NAME, name):
        raise SettingsError(f"{section.where('name')}: {name!r} is not a name: {NAMED}")
    days = section.seconds("window", "30d") / DAY
    if days not in WINDOWS:
        raise SettingsError(f"{section.where('window')}: {section.content['window']!r} is none of 7d, 28d, 30d")
    under = _under(section) if aspect == "latency" else None
    few, absent = section.whole("few", 5), _absent(section)
    objective = Objective(service, name, aspect, float(goal), int(days), under, few, absent)
    section.nothing_else()
    if sorry := burn.impossible(objective):
        raise SettingsError(f"{section.where(aspect)}: {sorry}")
    return objective


def _absent(section: Section) -> int:
    """Return after how long without a request that is an alarm, 0 where there need not be any."""
    if "absent" not in section.content:
        section.known.append("absent")
        return 0
    # AWS publishes metrics some minutes late, and an alarm looks back for a day where its windows move each minute.
    found = section.seconds("absent", "", least=5 * 60, most=DAY)
    if found % 60:
        raise SettingsError(f"{section.where('absent')}: {section.content['absent']!r} is no whole number of minutes")
    return int(found)


def _under(section: Section) -> float:
    text = section.text("under", "")
    match = _SHORT.fullmatch(text.strip())
    if not match or float(match[1]) == 0:
        raise SettingsError(f"{section.where('under')}: {text!r} is not a duration such as 300ms or 2s: what is good?")
    return float(match[1]) * _SECONDS[match[2]]
