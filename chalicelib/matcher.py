"""What a route, a silence or an inhibition is about: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from chalicelib.model import SEVERITIES, ParapetError, plain
from chalicelib.section import Section


class About(Protocol):
    """What notices and signals say about themselves."""

    @property
    def severity(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def service(self) -> str: ...  # noqa: D102
    @property
    def account(self) -> str: ...  # noqa: D102
    @property
    def region(self) -> str: ...  # noqa: D102
    @property
    def resource(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Matcher:
    """Each field that is given must fit, by one of its texts; an empty one fits anything.

    All but the severity may hold `*`; a tag is a key, or `key=value`; `alert` is the id that people know an alert by.
    """

    severity: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    alert: tuple[str, ...] = ()

    def fits(self, about: About, tags: Mapping[str, str], alert: str = "") -> bool:
        """Whether something with these tags is meant, which is told under an alert's id, if under any."""
        named = {field: patterns for field, patterns in plain(self).items() if field not in ("tag", "alert")}
        return (
            all(_any(patterns, getattr(about, field)) for field, patterns in named.items() if patterns)
            and (not self.tag or any(_tagged(one, tags) for one in self.tag))
            and (not self.alert or _any(self.alert, alert))
        )

    @property
    def narrow(self) -> bool:
        """Whether it leaves anything out at all."""
        some = {field: texts for field, texts in plain(self).items() if texts and field != "severity"}
        wide = all(any(not text.strip("*") for text in texts) for texts in some.values())
        return not wide or bool(self.severity and set(self.severity) != set(SEVERITIES))

    def __str__(self) -> str:
        """Return the fields that are given, as people write them: `service=checkout severity=high,low`; `all`."""
        return " ".join(f"{field}={','.join(texts)}" for field, texts in plain(self).items() if texts) or "all"


ANYTHING = Matcher()
FIELDS: tuple[str, ...] = tuple(Matcher.__dataclass_fields__)


def read(section: Section) -> Matcher:
    """Return what a table of the settings is about; other keys are left to the caller; raises SettingsError."""
    words = "|".join(map(re.escape, SEVERITIES))
    found = {field: section.texts(field, r"[^\s,]+", "a text without blanks or commas") for field in FIELDS[1:-1]}
    return Matcher(section.texts("severity", words, "a severity: " + ", ".join(SEVERITIES)), **found)


def parse(text: str) -> Matcher:
    """Return what `field=value,value field=value` is about; raises ParapetError for anything else, and for nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for word in text.split():
        field, sign, values = word.partition("=")
        if not sign or field not in FIELDS or not all(values.split(",")):
            raise ParapetError(f"{word!r} is not FIELD=VALUE, where FIELD is one of {', '.join(FIELDS)}")
        found[field] = (*found.get(field, ()), *values.split(","))
    for severity in found.get("severity", ()):
        if severity not in SEVERITIES:
            raise ParapetError(f"{severity!r} is not a severity: {', '.join(SEVERITIES)}")
    if not found:
        raise ParapetError(f"say what it is about: FIELD=VALUE, where FIELD is one of {', '.join(FIELDS)}")
    return Matcher(**found)


def _any(patterns: Sequence[str], text: str) -> bool:
    # A name may hold what means something in a pattern: `[prod] checkout`.
    return any(text == pattern or fnmatchcase(text, pattern) for pattern in patterns)


def _tagged(wanted: str, tags: Mapping[str, str]) -> bool:
    key, sign, value = wanted.partition("=")
    return any(fnmatchcase(k, key) and (not sign or fnmatchcase(v, value)) for k, v in tags.items())
