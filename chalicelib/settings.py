"""`parapet.toml` and the environment, validated into one frozen `Settings`; errors name what to mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.model import MODES, ORIGINS, Mode, Origin, ParapetError
from chalicelib.registry import Guardrail

FILE = Path(__file__).with_name("parapet.toml")
PREFIX = "parapet"


class SettingsError(ParapetError):
    """A setting that cannot be used; the text names the file, the key and what would do."""


@dataclass(frozen=True)
class Limits:
    """How much one guardrail may fix before it asks."""

    resources_per_ten_minutes: int = 20
    same_resource_per_hour: int = 3


@dataclass(frozen=True)
class Settings:
    """Everything that a team can set; durations in seconds."""

    stage: str = "local"
    table: str = ""
    slack_queue: str = ""
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    exempt_for: float = 30 * 86400.0
    slack_channel: str = "#parapet"
    guardrails: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def mode(self, rail: Guardrail, origin: Origin) -> Mode:
        """Return the mode in force for a guardrail and origin."""
        modes: Mapping[Origin, Mode] = self.guardrails.get(rail.name, {}).get("mode", {})
        return modes.get(origin, rail.default[origin])

    def options(self, rail: Guardrail) -> Mapping[str, Any]:
        """Return a guardrail's own settings, its defaults filled in."""
        given = self.guardrails.get(rail.name, {})
        return {name: given.get(name, default) for name, default in rail.options.items()}

    def role_name(self, function: str) -> str:
        """Return the name of the role under which one of our functions runs."""
        return role_name(self.stage, function)


def role_name(stage: str, function: str) -> str:
    """Return the name of a function's role in a stage: fixed, so that our own calls can be known by it."""
    return f"{PREFIX}-{stage}-{function.replace('_', '-')}"


def load(
    environment: Mapping[str, str], names: Iterable[str], rails: Iterable[Guardrail], file: Path = FILE
) -> Settings:
    """Return the settings in force.

    Args:
        environment: `PARAPET_STAGE`, `PARAPET_TABLE`, `PARAPET_SLACK_QUEUE`, `PARAPET_SETTINGS` (another file).
        names: every guardrail's name, against which sections are checked.
        rails: the guardrails whose sections are validated in full: those that the caller runs.
        file: the settings file where `PARAPET_SETTINGS` names none.

    Raises:
        SettingsError: naming the file, the key, and what would do.
    """
    path = Path(environment.get("PARAPET_SETTINGS") or file)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; PARAPET_SETTINGS names it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    section = _Section(path.name, "", document)
    general, limits, undo, slack, guards = (
        section.table(name) for name in ("parapet", "limits", "undo", "slack", "guardrails")
    )
    section.nothing_else()
    known = {rail.name: rail for rail in rails}
    settings = Settings(
        stage=environment.get("PARAPET_STAGE", "local"),
        table=environment.get("PARAPET_TABLE", ""),
        slack_queue=environment.get("PARAPET_SLACK_QUEUE", ""),
        accounts=general.texts("accounts", r"\d{12}", "12 digits"),
        regions=(regions := general.texts("regions", r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")),
        swept=regions,
        limits=Limits(limits.whole("resources_per_ten_minutes", 20), limits.whole("same_resource_per_hour", 3)),
        exempt_for=seconds(undo.text("exempt_for", "30d"), f"{path.name}: undo.exempt_for"),
        slack_channel=slack.text("channel", "#parapet"),
        guardrails=_guardrails(guards, tuple(names), known),
    )
    for part in (general, limits, undo, slack):
        part.nothing_else()
    return settings


_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str, where: str) -> float:
    """Return a duration such as `30m`, `2h`, `7d` in seconds; raises SettingsError."""
    match = _DURATION.fullmatch(text.strip())
    if not match or int(match[1]) == 0:
        raise SettingsError(f"{where}: {text!r} is not a duration such as 30m, 2h or 7d")
    return int(match[1]) * _UNITS[match[2]]


class _Section:
    """One table of the file, which remembers what was asked of it so that the rest can be refused."""

    def __init__(self, file: str, name: str, content: Mapping[str, Any]) -> None:
        self.file, self.name, self.content = file, name, content
        self.known: list[str] = []

    def where(self, key: str) -> str:
        return f"{self.file}: {self.name}.{key}" if self.name else f"{self.file}: {key}"

    def take(self, key: str, default: Any) -> Any:
        self.known.append(key)
        return self.content.get(key, default)

    def table(self, key: str) -> _Section:
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise SettingsError(f"{self.where(key)} must be a table: [{key}]")
        return _Section(self.file, f"{self.name}.{key}" if self.name else key, value)

    def text(self, key: str, default: str) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or not value:
            raise SettingsError(f"{self.where(key)} must be a text in quotes, not {value!r}")
        return value

    def whole(self, key: str, default: int) -> int:
        value = self.take(key, default)
        if type(value) is not int or value < 1:
            raise SettingsError(f"{self.where(key)} must be a whole number of 1 or more, not {value!r}")
        return value

    def texts(self, key: str, pattern: str, what: str) -> tuple[str, ...]:
        values = self.take(key, [])
        if not isinstance(values, list):
            raise SettingsError(f"{self.where(key)} must be a list of texts, not {values!r}")
        for value in values:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise SettingsError(f"{self.where(key)}: {value!r} is not {what}")
        return tuple(values)

    def nothing_else(self) -> None:
        for key in self.content:
            if key not in self.known:
                raise SettingsError(f"{self.where(key)} is not a setting{_meant(key, self.known)}")


def _meant(word: str, choices: Iterable[str]) -> str:
    import difflib  # only an error needs it, and a cold start should not pay for it

    close = difflib.get_close_matches(word, list(choices), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(sorted(choices))}"


def _guardrails(
    section: _Section, names: tuple[str, ...], known: Mapping[str, Guardrail]
) -> dict[str, Mapping[str, Any]]:
    settings: dict[str, Mapping[str, Any]] = {}
    for name in section.content:
        if name not in names:
            raise SettingsError(f"{section.where(name)} is not a guardrail{_meant(name, names)}")
        table = section.table(name)
        if name in known:
            settings[name] = _one_guardrail(table, known[name])
    return settings


def _one_guardrail(section: _Section, rail: Guardrail) -> Mapping[str, Any]:
    mode = section.take("mode", {})
    modes = dict.fromkeys(ORIGINS, mode) if isinstance(mode, str) else mode
    if not isinstance(modes, dict):
        raise SettingsError(f"{section.where('mode')} must be a mode, or {{ event = …, sweep = … }}")
    for origin, value in modes.items():
        if origin not in ORIGINS:
            raise SettingsError(f"{section.where('mode')}: {origin!r} is not an origin: event or sweep")
        if value not in MODES:
            raise SettingsError(f"{section.where('mode')}: {value!r} is not a mode: {', '.join(MODES)}")
        if value in ("approve", "enforce") and not rail.can_fix:
            raise SettingsError(f"{section.where('mode')}: {rail.name} has no fix; only off or observe will do")
    values: dict[str, Any] = {"mode": modes}
    for option, default in rail.options.items():
        values[option] = _option(section, option, default)
    section.nothing_else()
    return values


def _option(section: _Section, name: str, default: Any) -> Any:
    value = section.take(name, default)
    if isinstance(value, list):
        value = tuple(value)
    like = {type(item) for item in default} if isinstance(default, tuple) else set()
    if type(value) is not type(default) or (like and any(type(item) not in like for item in value)):
        shape = f"a list like {list(default)[:3]}" if like else f"a {type(default).__name__} like {default!r}"
        raise SettingsError(f"{section.where(name)} must be {shape}, not {value!r}")
    return value
