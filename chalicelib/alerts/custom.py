"""A team's own rules: an event pattern, how bad it is, and what to say, with the event's own words in it; pure.

`{detail.instance-id}` in a text stands for what the event has there, `{resources.0}` for the first of a list. Of
several rules that match an event the first one counts. A sample shows an event that the rule is for: one that the
pattern does not match, or that lacks what a text asks for, is refused when the settings are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.alerts.report import Report, plain, within
from chalicelib.alerts.signal import Signal
from chalicelib.alerts.watched import LONGEST_PATTERN, length
from chalicelib.model import SEVERITIES, Severity
from chalicelib.patterns import PatternError, matches
from chalicelib.section import Section, SettingsError, meant

# Rules are named after them, with the stage and what the rule is for, in the 64 characters that EventBridge takes.
NAME = re.compile(r"(?=.{1,24}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
PLACE = re.compile(r"\{([^{}]*)\}")
PATH = re.compile(r"[A-Za-z0-9_$@/-]+(\.[A-Za-z0-9_$@/ -]+)*")
MISSING = "–"
LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class Custom:
    """One rule.

    Args:
        name: what errors, routes and signals call it.
        pattern: which events it is for.
        severity: how bad they are.
        title: what to say, in one line.
        lines: what else to say.
        service: the workload.
        resource: which resource it is about, so that what resolves it is known to be about the same.
        resolves: which events end it; None: each one is told, and has no end.
        samples: files with events that it must match, from the project's folder.
        shown: such events themselves.
        where: where in the settings it is, for errors.
    """

    name: str
    pattern: Mapping[str, Any]
    severity: Severity
    title: str
    lines: tuple[str, ...] = ()
    service: str = ""
    resource: str = "{resources.0}"
    resolves: Mapping[str, Any] | None = None
    samples: tuple[str, ...] = ()
    shown: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    where: str = ""


def read(sections: Sequence[Section], taken: Sequence[str] = ()) -> tuple[Custom, ...]:
    """Return the rules of `[[events]]`, in their order.

    Args:
        sections: each `[[events]]`.
        taken: names that mean something else.

    Raises:
        SettingsError: naming the rule, the key, and what would do.
    """
    rules: list[Custom] = []
    alike: dict[str, str] = {}
    for section in sections:
        rule = _rule(section)
        if rule.name in taken:
            raise SettingsError(f"{section.where('name')}: {rule.name!r} is what Parapet calls a source of its own")
        # CloudFormation's names have no dashes.
        if other := alike.get(rule.name.replace("-", "")):
            raise SettingsError(f"{section.where('name')}: {rule.name!r} is too much like the rule {other!r}")
        alike[rule.name.replace("-", "")] = rule.name
        rules.append(rule)
    return tuple(rules)


def _rule(section: Section) -> Custom:
    name = section.text("name", "")
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"{section.where('name')}: {name!r} is not a name of up to 24 lower-case letters, digits and single dashes"
        )
    severity = section.take("severity", "medium")
    if severity not in SEVERITIES:
        raise SettingsError(f"{section.where('severity')}: {severity!r} is not a severity: {', '.join(SEVERITIES)}")
    title = section.text("title", "")
    if not title:
        raise SettingsError(f"{section.where('title')} is missing: say what has happened, in one line")
    resolves = _pattern(section, "resolves") if "resolves" in section.content else None
    given = section.take("samples", [])
    if not isinstance(given, list) or not all(isinstance(one, str | dict) and one for one in given):
        raise SettingsError(f"{section.where('samples')} must be a list of files, or of events as tables or JSON")
    shown = tuple(_object(one, section.where("samples")) for one in given if not _file(one))
    rule = Custom(
        name=name,
        pattern=_pattern(section, "pattern"),
        severity=severity,
        title=_template(section, "title", title),
        lines=tuple(_template(section, "lines", one) for one in section.texts("lines", r"(?s).+", "a text")),
        service=_template(section, "service", section.text("service", "")),
        resource=_template(section, "resource", section.text("resource", "{resources.0}")),
        resolves=resolves,
        samples=tuple(one for one in given if _file(one)),
        shown=shown,
        where=f"{section.file}: {section.name}",
    )
    section.nothing_else()
    if shown and not rule.samples:
        prove(rule, [(f"sample {number}", one) for number, one in enumerate(shown, 1)])
    return rule


def _file(sample: object) -> bool:
    return isinstance(sample, str) and not sample.lstrip().startswith("{")


def _object(value: object, where: str) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{where}: this is not JSON: {error}") from None
    if not isinstance(value, dict) or not value:
        raise SettingsError(f"{where} must be a table, or JSON of an object, that is not empty")
    return value


def _pattern(section: Section, key: str) -> Mapping[str, Any]:
    where = section.where(key)
    if key not in section.content:
        raise SettingsError(f"{where} is missing: which events is the rule for?")
    pattern = _object(section.take(key, None), where)
    try:
        matches(pattern, {})
    except (PatternError, RecursionError) as error:
        raise SettingsError(f"{where}: {error}") from None
    if "source" not in pattern:
        raise SettingsError(f'{where} needs a source, such as source = ["aws.ec2"]: every event of the account is many')
    if "parapet" in pattern["source"]:
        raise SettingsError(f"{where}: Parapet's own events are not for rules, which would answer themselves")
    if (long := length(pattern)) > LONGEST_PATTERN:
        raise SettingsError(f"{where} has {long:,} characters; EventBridge takes {LONGEST_PATTERN:,}")
    return pattern


def _template(section: Section, key: str, text: str) -> str:
    for path in PLACE.findall(text):
        if not PATH.fullmatch(path):
            raise SettingsError(f"{section.where(key)}: {{{path}}} is not a path such as {{detail.instance-id}}")
    if set(PLACE.sub("", text)) & {"{", "}"}:
        raise SettingsError(f"{section.where(key)}: a brace stands alone in {text!r}")
    return text


def prove(rule: Custom, samples: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Check a rule against sample events, each with what errors call it.

    Raises:
        SettingsError: a sample matches neither pattern, none matches the first one, or a text asks for what no sample
            has.
    """
    begins = False
    for name, sample in samples:
        first = matches(rule.pattern, sample)
        begins |= first
        if not first and (rule.resolves is None or not matches(rule.resolves, sample)):
            raise SettingsError(
                f"{rule.where}: {name} does not match the pattern, so that EventBridge would not deliver it"
            )
    if samples and not begins:
        raise SettingsError(f"{rule.where}: no sample matches the pattern, only `resolves`")
    for text in (rule.title, *rule.lines, rule.service, *([rule.resource] if rule.resource != "{resources.0}" else [])):
        for path in PLACE.findall(text):
            if samples and all(within(sample, path) is None for _, sample in samples):
                there = [known for _, sample in samples for known in _paths(sample)]
                raise SettingsError(f"{rule.where}: no sample has {{{path}}}{meant(path, there)}")


def _paths(value: Any, at: str = "") -> list[str]:
    if isinstance(value, Mapping):
        return [one for key, inner in value.items() for one in _paths(inner, f"{at}.{key}" if at else str(key))]
    if isinstance(value, list):
        return [one for number, inner in enumerate(value[:3]) for one in _paths(inner, f"{at}.{number}")]
    return [at]


def load(rule: Custom, files: Mapping[str, str]) -> None:
    """Check a rule against its samples, given each file's content by its name; raises SettingsError."""
    samples = [(name, _object(files[name], f"{rule.where}: {name}")) for name in rule.samples]
    prove(rule, [*samples, *((f"sample {number}", one) for number, one in enumerate(rule.shown, 1))])


def matching(rules: Sequence[Custom], event: Mapping[str, Any]) -> tuple[Custom, bool] | None:
    """Return the first rule that is for an event, and whether it begins something; None where none is."""
    for rule in rules:
        if matches(rule.pattern, event):
            return rule, True
        if rule.resolves is not None and matches(rule.resolves, event):
            return rule, False
    return None


def signal(rule: Custom, begins: bool, report: Report) -> Signal:
    """Return what a rule makes of an event that it is for."""
    event = report.content
    resource = filled(rule.resource, event, "")
    return report.signal(
        rule.name,
        (resource,),
        state="resolved" if not begins else "told" if rule.resolves is None else "firing",
        severity=rule.severity,
        name=rule.name,
        title=filled(rule.title, event),
        lines=tuple(filled(line, event) for line in rule.lines),
        facts=(("Event", report.maybe("detail-type")),),
        resource=resource,
        service=filled(rule.service, event, ""),
    )


def filled(text: str, event: Mapping[str, Any], missing: str = MISSING) -> str:
    """Return a text with the event's own words in it; what the event lacks is a dash."""

    def word(match: re.Match[str]) -> str:
        value = within(event, match[1])
        if isinstance(value, dict | list):
            return json.dumps(value)[:LONGEST_VALUE]
        return plain(value)[:LONGEST_VALUE] or missing

    return PLACE.sub(word, text)
