"""What keeps an alert quiet: a silence that people asked for, or another alert that says it all. Pure.

A composite alarm that fires keeps the alarms quiet that it is made of; `[[inhibit]]` in parapet.toml names more, and a
critical alert keeps those of the same objective quiet that are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import matcher
from chalicelib.matcher import About, Matcher
from chalicelib.model import SEVERITIES, Severity
from chalicelib.section import Section, SettingsError

if TYPE_CHECKING:  # every function reads the settings, and few need more of this
    from chalicelib.alerts.model import Group, Silence
    from chalicelib.alerts.signal import Signal

# The tag by which the alarms of one objective are known.
OBJECTIVE = "objective"
EQUAL = ("name", "service", "account", "region", "resource")


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """An alert that fires and keeps others from being told: by the alarms it is made of, or by a rule."""

    fingerprint: str
    severity: Severity
    source: str
    name: str
    service: str
    account: str
    region: str
    resource: str
    tags: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inhibit:
    """A rule: while something that fits `source` fires, what fits `target` is not told, if they agree in `equal`."""

    source: Matcher
    target: Matcher
    equal: tuple[str, ...]


# A page says more than a ticket about the same objective.
PAGE_OVER_TICKET = Inhibit(
    Matcher(severity=("critical",), tag=(OBJECTIVE,)), Matcher(), (f"tag:{OBJECTIVE}", "account", "region")
)
# All that keep others quiet are one item: beyond so many, rather too much is told.
MOST = 400


def read(sections: Sequence[Section]) -> tuple[Inhibit, ...]:
    """Return the rules of the settings, each `[[inhibit]]`, and our own; raises SettingsError."""
    return (PAGE_OVER_TICKET, *map(_rule, sections))


def _rule(section: Section) -> Inhibit:
    parts = []
    for name in ("source", "target"):
        table = section.table(name)
        parts.append(matcher.read(table))
        table.nothing_else()
    equal = section.texts("equal", rf"{'|'.join(EQUAL)}|tag:\S+", f"one of {', '.join(EQUAL)}, tag:KEY")
    section.nothing_else()
    source, target = parts
    if Matcher() in (source, target) and not equal:
        raise SettingsError(f"{section.where('source')}, target and equal: say what keeps what quiet, or all would")
    return Inhibit(source, target, equal)


def by(
    about: About,
    tags: Mapping[str, str],
    alert: str,
    fingerprint: str,
    names: Sequence[str],
    silences: Sequence[Silence],
    inhibitors: Sequence[Inhibitor],
    rules: Sequence[Inhibit],
    now: float,
) -> str:
    """Return what keeps something quiet, a silence's id or an alert's fingerprint, or an empty text.

    Args:
        about: what it is about.
        tags: its tags.
        alert: the id that people know it by.
        fingerprint: which alert it is.
        names: by which the alarms that a composite is made of may mean it.
        silences: all that were asked for.
        inhibitors: what fires and may keep it quiet.
        rules: those of the settings.
        now: the time (epoch seconds).
    """
    for silence in silences:
        if silence.until > now and silence.matcher.fits(about, tags, alert):
            return silence.id
    for one in inhibitors:
        here = (one.account, one.region) == (about.account, about.region)
        child = here and bool(set(names) & set(one.children))
        # What is worse than what would keep it quiet is not said by that.
        other = one.fingerprint != fingerprint and _rank(about.severity) >= _rank(one.severity)
        if other and (child or any(_ruled(rule, one, about, tags) for rule in rules)):
            return one.fingerprint
    return ""


def silencing(group: Group, silences: Sequence[Silence], now: float) -> tuple[Silence, ...]:
    """Return the silences in force that cover an alert as people know it."""
    return tuple(one for one in silences if one.until > now and one.matcher.fits(group, group.tags, group.id))


def _may(rule: Inhibit, signal: Signal) -> bool:
    """Whether a signal can keep anything quiet by a rule: it has what others must agree with it in."""
    has = all(signal.tags.get(one[4:]) if one.startswith("tag:") else getattr(signal, one) for one in rule.equal)
    return has and rule.source.fits(signal, signal.tags)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def _ruled(rule: Inhibit, one: Inhibitor, about: About, tags: Mapping[str, str]) -> bool:
    return (
        rule.source.fits(one, one.tags)
        and rule.target.fits(about, tags)
        and not rule.source.fits(about, tags)
        and all(_equal(name, one, about, tags) for name in rule.equal)
    )


def _equal(name: str, one: Inhibitor, about: About, tags: Mapping[str, str]) -> bool:
    if name.startswith("tag:"):
        return bool(tags.get(name[4:])) and one.tags.get(name[4:]) == tags.get(name[4:])
    return bool(getattr(one, name)) and getattr(one, name) == getattr(about, name)


def inhibitor(signal: Signal, rules: Sequence[Inhibit]) -> Inhibitor | None:
    """Return what a firing signal keeps quiet, or None."""
    children = signal.alarm.children if signal.alarm else ()
    if not children and not any(_may(rule, signal) for rule in rules):
        return None
    return Inhibitor(
        signal.fingerprint, signal.severity, signal.source, signal.name, signal.service, signal.account, signal.region,
        signal.resource, dict(signal.tags), children,
    )  # fmt: skip
