"""Parameters of named queries, each with its type: what is not of it is refused, and no value can leave its literal.

A query's text has no quotes around a parameter: the parameter itself makes the whole literal. Texts that people type
become regular expressions in which every sign but letters, digits and blanks is written by its number, so that no
quote, slash or backslash of theirs is ever part of a query. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

from chalicelib.model import ParapetError
from chalicelib.section import meant

LONGEST = 200
_PLACE = re.compile(r"\$\{(\w+)\}")
_COMMAND = re.compile(r"\n(?=\|)")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)")
_ADDRESS = r"[0-9A-Fa-f:.]{2,45}"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Parameter(Protocol):
    """What a query takes under a name."""

    @property
    def name(self) -> str:
        """As people give it."""
        ...

    @property
    def about(self) -> str:
        """What it means, in a line."""
        ...

    @property
    def default(self) -> str:
        """What it is without being given; empty: the commands that name it are left out."""
        ...

    @property
    def needed(self) -> bool:
        """Whether there is no query without it."""
        ...

    def literal(self, text: str) -> str:
        """Return a value as the query has it; raises ParapetError for what is not of this type."""
        ...

    def typed(self) -> Mapping[str, Any]:
        """Return its type and bounds, for programs."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    name: str
    about: str
    default: str
    least: int
    most: int
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return the number; raises ParapetError."""
        if not (text.isascii() and text.isdigit() and len(text) < 10 and self.least <= int(text) <= self.most):
            raise ParapetError(f"{self.name}: {text!r} is not a whole number from {self.least} to {self.most}")
        return str(int(text))

    def typed(self) -> Mapping[str, Any]:
        """Return its bounds."""
        return {"type": "whole", "least": self.least, "most": self.most}


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration such as `300ms` or `2s`, as a number of the unit that a query counts in."""

    name: str
    about: str
    default: str
    per_second: float = 1000.0
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return the number; raises ParapetError."""
        match = _DURATION.fullmatch(text) if text.isascii() else None
        if not match:
            raise ParapetError(f"{self.name}: {text!r} is not a duration such as 300ms, 2s or 1m")
        value = round(float(match[1]) * _SECONDS[match[2]] * self.per_second, 6)
        # `1e-06` is no number of Logs Insights'.
        return f"{value:.6f}".rstrip("0").rstrip(".")

    def typed(self) -> Mapping[str, Any]:
        """Return what it is."""
        return {"type": "duration"}


@dataclass(frozen=True, slots=True)
class Word:
    """A name or id in whose alphabet there is nothing to escape."""

    name: str
    about: str
    pattern: str = r"[A-Za-z0-9][A-Za-z0-9_./:@+=,-]{0,199}"
    default: str = ""
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return the word in quotes; raises ParapetError."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ParapetError(f"{self.name}: {text!r} is not {self.about}")
        return f'"{text}"'

    def typed(self) -> Mapping[str, Any]:
        """Return its alphabet."""
        return {"type": "word", "pattern": self.pattern}


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address of either version."""

    name: str
    about: str = "an IP address"
    default: str = ""
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return the address in quotes; raises ParapetError."""
        try:
            # What stands behind a % in an address may be anything.
            found = re.fullmatch(_ADDRESS, text) and ip_address(text)
        except ValueError:
            found = None
        if not found:
            raise ParapetError(f"{self.name}: {text!r} is not {self.about}")
        return f'"{text}"'

    def typed(self) -> Mapping[str, Any]:
        """Return its alphabet."""
        return {"type": "word", "pattern": _ADDRESS}


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that a line may hold, in any case."""

    name: str
    about: str
    default: str = ""
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return a regular expression that finds exactly this text; raises ParapetError."""
        if not text.strip() or len(text) > LONGEST or not text.isprintable():
            raise ParapetError(f"{self.name} must be a text on one line, of {LONGEST} characters at most")
        return f"/(?i){''.join(map(_sign, text))}/"

    def typed(self) -> Mapping[str, Any]:
        """Return its bound."""
        return {"type": "text", "most": LONGEST}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, written into the query as it stands, such as `5m`."""

    name: str
    about: str
    default: str
    among: tuple[str, ...]
    needed: bool = False

    def literal(self, text: str) -> str:
        """Return the word; raises ParapetError."""
        if text not in self.among:
            raise ParapetError(f"{self.name}: {text!r} is not one{meant(text, self.among)}")
        return text

    def typed(self) -> Mapping[str, Any]:
        """Return the words."""
        return {"type": "choice", "among": list(self.among)}


def _sign(letter: str) -> str:
    """Return a character of a regular expression that means itself."""
    if letter == " " or letter.isalnum():
        return letter
    return f"\\x{ord(letter):02x}" if letter.isascii() else "."


def render(text: str, takes: Sequence[Parameter], given: Mapping[str, str]) -> str:
    """Return a query's text with its parameters in place; raises ParapetError naming the one to mend."""
    names = [one.name for one in takes]
    for name in given:
        if name not in names:
            raise ParapetError(f"{name!r} is not a parameter of this query" + (meant(name, names) if names else ""))
    literals: dict[str, str] = {}
    for one in takes:
        value = given.get(one.name, one.default)
        if value:
            literals[one.name] = one.literal(value)
        elif one.needed:
            raise ParapetError(f"{one.name} is missing: {one.about}")
    commands = [one for one in _COMMAND.split(text.strip()) if all(name in literals for name in _PLACE.findall(one))]
    return "\n".join(_PLACE.sub(lambda place: literals[place[1]], one) for one in commands)
