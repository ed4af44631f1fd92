"""Which guardrails a firing alarm wakes, and about what: the tables `[[remedies]]` of the settings; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from chalicelib import alarms, registry
from chalicelib.model import MODES, Mode
from chalicelib.registry import Guardrail
from chalicelib.section import Section, SettingsError, meant

if TYPE_CHECKING:  # every function reads the bindings, and one has signals
    from chalicelib.alerts.signal import Signal


@dataclass(frozen=True, slots=True)
class Binding:
    """A remedy for some alarms.

    Args:
        alarm: the names of the alarms, in which `*` stands for anything.
        guardrail: the name of the one that mends.
        resource: what it mends; empty: what the alarm's dimensions name.
        mode: how far it may go for these alarms; None: as the guardrail's own settings say, and else ask.
        account: of the alarms, 12 digits; none: of any account.
        region: likewise.
    """

    alarm: tuple[str, ...]
    guardrail: str
    resource: str = ""
    mode: Mode | None = None
    account: tuple[str, ...] = ()
    region: tuple[str, ...] = ()

    def fits(self, alarm: str, account: str, region: str) -> bool:
        """Whether an alarm is meant."""
        return (
            any(alarm == one or fnmatchcase(alarm, one) for one in self.alarm)
            and (not self.account or account in self.account)
            and (not self.region or region in self.region)
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A guardrail that an alarm wakes, and about which resource; `problem` says why that cannot be told."""

    guardrail: str
    subject: str
    account: str
    region: str
    alarm: str
    problem: str = ""


def read(tables: Iterable[Section], names: Sequence[str], known: Mapping[str, Guardrail]) -> tuple[Binding, ...]:
    """Return the bindings in the settings; raises SettingsError.

    Args:
        tables: `[[remedies]]`.
        names: every guardrail's name.
        known: the guardrails that the caller runs, by name: only those are looked at.
    """
    return tuple(_binding(table, names, known) for table in tables)


def _binding(section: Section, names: Sequence[str], known: Mapping[str, Guardrail]) -> Binding:
    given = section.content.get("alarm")
    alarm = (section.text("alarm", ""),) if isinstance(given, str) else section.texts("alarm", r".+", "an alarm's name")
    guardrail, resource = section.text("guardrail", ""), section.text("resource", "")
    mode = section.take("mode", None)
    account = section.texts("account", r"\d{12}", "12 digits")
    region = section.texts("region", r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")
    section.nothing_else()
    if not alarm:
        raise SettingsError(f'{section.where("alarm")}: name the alarm, such as "checkout-*"')
    if not guardrail:
        raise SettingsError(
            f'{section.where("guardrail")}: name the guardrail that mends, such as "ec2_instance_stopped"'
        )
    if guardrail not in names:
        raise SettingsError(f"{section.where('guardrail')}: {guardrail!r} is not a guardrail{meant(guardrail, names)}")
    if mode is not None and mode not in MODES:
        raise SettingsError(f"{section.where('mode')}: {mode!r} is not a mode: {', '.join(MODES)}")
    if guardrail in known and not known[guardrail].alarmed:
        raise SettingsError(
            f"{section.where('guardrail')}: {guardrail} takes no alarm: docs/remedies.md lists those that do"
        )
    return Binding(alarm, guardrail, resource, mode, account, region)


def bound(signal: Signal, bindings: Iterable[Binding]) -> tuple[Bound, ...]:
    """Return what an alarm that fires wakes, or that has fired and is over, each guardrail once per resource."""
    if signal.alarm is None or signal.state not in ("firing", "resolved"):
        return ()
    metrics = [(one.get("MetricStat", {}).get("Metric", {}).get("Dimensions") or ()) for one in signal.alarm.metrics]
    dimensions = {**alarms.agreed(metrics), **signal.alarm.dimensions}
    found = [
        _bound(one, signal, dimensions) for one in bindings if one.fits(signal.name, signal.account, signal.region)
    ]
    return tuple(dict.fromkeys(found))


def _bound(binding: Binding, signal: Signal, dimensions: Mapping[str, str]) -> Bound:
    rail = registry.get(binding.guardrail)
    subject = binding.resource or rail.named_by(dimensions)
    problem = "" if subject else unnamed(rail, signal.name, dimensions)
    return Bound(rail.name, subject, signal.account, signal.region, signal.name, problem)


def unnamed(rail: Guardrail, alarm: str, dimensions: Mapping[str, str]) -> str:
    """Return what to mend where an alarm's dimensions do not name what a guardrail is about."""
    wanted = " or ".join(path.replace(" | ", " or ") for path in rail.on.values())
    has = ", ".join(sorted(dimensions)) or "none that all of its metrics share"
    return (
        f"what {rail.name} is to mend for alarm {alarm} is not known: it needs the dimensions {wanted}, and the alarm "
        f'has {has}: give `resource = "…"` in its [[remedies]]'
    )


def detail(one: Bound, event: str, at: float) -> dict[str, Any]:
    """Return what the event says that wakes a guardrail: its kind is `registry.ALARM`.

    Args:
        one: what is woken.
        event: the id of the report: the same when it is delivered again.
        at: when the alarm changed (epoch seconds).
    """
    return {
        "service": registry.service_of(one.guardrail), "guardrail": one.guardrail, "subject": one.subject,
        "account": one.account, "region": one.region, "alarm": one.alarm, "event": event, "time": at,
    }  # fmt: skip
