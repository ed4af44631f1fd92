"""A row on its way through the commands: an event with what was found in it, and what the query made of it."""

from __future__ import annotations

from collections.abc import Mapping

from local.insights import tree
from local.insights.discovery import discovered
from local.insights.results import Event
from local.insights.values import Moment, Value


class Row:
    """Knows its fields by their names; what an event's message holds is read only when it is asked for."""

    __slots__ = ("_found", "event", "made")

    def __init__(self, event: Event | None, made: dict[str, Value], found: Mapping[str, Value] | None = None) -> None:
        self.event, self.made, self._found = event, made, found

    def having(self, made: Mapping[str, Value]) -> Row:
        """Return the row with more fields."""
        return Row(self.event, {**self.made, **made}, self._found)

    def get(self, name: str) -> Value:
        """Return the value of a field by its name; None where it is missing."""
        if name in self.made:
            return self.made[name]
        event = self.event
        if event is None:
            return None
        match name:
            case "@timestamp":
                return Moment(event.timestamp_ms)
            case "@message":
                return event.message
            case "@logStream":
                return event.log_stream or None
            case "@log":
                return f"{event.account}:{event.log_group}" if event.account else event.log_group
            case "@ingestionTime":
                return Moment(event.ingestion_ms)
            case "@ptr":
                return event.ptr or None
        if self._found is None:
            self._found = discovered(event.message)
        return self._found.get(name)

    def field(self, field: tree.Field) -> Value:
        """Return the value of a field, also of one within a map or a list."""
        found = self.get(field.name)
        if found is not None or len(field.path) == 1:
            return found
        for length in range(len(field.path) - 1, 0, -1):
            head = ".".join(str(part) for part in field.path[:length])
            if isinstance(self.made.get(head), (dict, list)):
                return _within(self.made[head], field.path[length:])
        return None


def _within(value: Value, path: tuple[str | int, ...]) -> Value:
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and str(part).isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
