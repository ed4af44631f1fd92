"""One table of `parapet.toml`, read key by key: each is asked for once, and what nobody asked for is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any

from chalicelib.model import DAY, ParapetError

# No permission lasts longer, and no other duration either that makes sense (seconds).
LONGEST, BEYOND_REASON = 400 * DAY, 3650 * DAY


class SettingsError(ParapetError):
    """A setting that cannot be used; the text names the file, the key and what would do."""


# Names are of small letters of any script, ids of capitals.
_CHANNEL = re.compile(r"#?(?:(?![A-Z])[\w-]){1,80}|[CDGU][A-Z0-9]{6,20}")
_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}


def seconds(text: str, where: str) -> float:
    """Return a duration such as `30m`, `2h`, `7d` in seconds; raises SettingsError."""
    match = _DURATION.fullmatch(text.strip())
    if not match or int(match[1]) == 0:
        nothing = ": it must be more than nothing" if match else ""
        raise SettingsError(f"{where}: {text!r} is not a duration such as 30m, 2h or 7d{nothing}")
    return int(match[1]) * _UNITS[match[2]]


def zone(name: str, where: str) -> tzinfo:
    """Return a time zone such as `UTC` or `Europe/Berlin`; raises SettingsError."""
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # every function reads the settings, and few have zones

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(f"{where}: {name!r} is not a time zone such as Europe/Berlin") from None


def _short(duration: float) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if duration % _UNITS[unit] == 0)
    return f"{duration / _UNITS[unit]:.0f}{unit}"


class Section:
    """One table of the file, which remembers what was asked of it so that the rest can be refused."""

    def __init__(self, file: str, name: str, content: Mapping[str, Any]) -> None:
        self.file, self.name, self.content = file, name, content
        self.known: list[str] = []

    def path(self, key: str) -> str:
        """Return a key as the file has it: `slack.channel`."""
        return f"{self.name}.{key}" if self.name else key

    def where(self, key: str) -> str:
        """Return where in which file a key is, as errors say it."""
        return f"{self.file}: {self.path(key)}"

    def take(self, key: str, default: Any) -> Any:
        """Return what the file has under a key, or else the default."""
        self.known.append(key)
        return self.content.get(key, default)

    def table(self, key: str) -> Section:
        """Return the table under a key, empty when there is none; raises SettingsError."""
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise SettingsError(f"{self.where(key)} must be a table: [{self.path(key)}]")
        return Section(self.file, self.path(key), value)

    def tables(self, key: str) -> tuple[Section, ...]:
        """Return the tables of a list such as `[[routes]]`, none when there is none; raises SettingsError."""
        values = self.take(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise SettingsError(f"{self.where(key)} must be a list of tables: [[{self.path(key)}]]")
        return tuple(Section(self.file, f"{self.path(key)}[{number}]", value) for number, value in enumerate(values, 1))

    def text(self, key: str, default: str) -> str:
        """Return a text; raises SettingsError, also for an empty one."""
        value = self.take(key, default)
        if not isinstance(value, str) or (key in self.content and not value):
            raise SettingsError(f"{self.where(key)} must be a text in quotes, not {value!r}")
        return value

    def channel(self, key: str, default: str) -> str:
        """Return a channel of Slack's, by its name or id; raises SettingsError for what can be neither."""
        text = self.text(key, default)
        if text and not _CHANNEL.fullmatch(text):
            raise SettingsError(f"{self.where(key)}: {text!r} is not a channel such as #shop or C012AB3CD")
        return text

    def whole(self, key: str, default: int) -> int:
        """Return a whole number of 1 or more; raises SettingsError."""
        value = self.take(key, default)
        if type(value) is not int or value < 1:
            raise SettingsError(f"{self.where(key)} must be a whole number of 1 or more, not {value!r}")
        return value

    def seconds(self, key: str, default: str, least: float = 1.0, most: float = BEYOND_REASON) -> float:
        """Return a duration in seconds; raises SettingsError, also for one that is out of bounds."""
        text = self.text(key, default)
        found = seconds(text, self.where(key))
        if not least <= found <= most:
            bound = f"less than {_short(least)}" if found < least else f"more than {_short(most)}"
            raise SettingsError(f"{self.where(key)}: {text!r} is {bound}")
        return found

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false; raises SettingsError."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise SettingsError(f"{self.where(key)} must be true or false, not {value!r}")
        return value

    def texts(self, key: str, pattern: str, what: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts that fit a pattern, whose description errors give; raises SettingsError."""
        values = self.take(key, list(default))
        if not isinstance(values, list):
            raise SettingsError(f"{self.where(key)} must be a list of texts, not {values!r}")
        for value in values:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise SettingsError(f"{self.where(key)}: {value!r} is not {what}")
        return tuple(values)

    def lacks(self, key: str, what: str, known: Iterable[str]) -> SettingsError:
        """Return the error about a key that is not there: what it is, and which one may be meant for it.

        Args:
            key: that must be there, or several of which one must.
            what: it is, after a colon.
            known: all keys that there are.
        """
        import difflib  # as below

        known = set(known)
        strange = [one for one in self.content if one not in known]
        near = [one for one in strange if difflib.get_close_matches(one, known, 1)]
        meant_ = f" ({near[0]!r} is not a setting{meant(near[0], known)})" if near else ""
        return SettingsError(f"{self.file}: {self.name} lacks {key}{meant_}: {what}")

    def nothing_else(self) -> None:
        """Raise SettingsError for a key that nobody asked for."""
        for key in self.content:
            if key not in self.known:
                raise SettingsError(f"{self.where(key)} is not a setting{meant(key, self.known)}")


def meant(word: str, choices: Iterable[str]) -> str:
    """Return how an error goes on about a word that nobody knows: with the one that was meant, or all there are."""
    import difflib  # only an error needs it, and a cold start should not pay for it

    close = difflib.get_close_matches(word, list(choices), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(sorted(choices))}"
