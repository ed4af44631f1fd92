"""Runs a query over log events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from local.insights import patterns, regexes, tree
from local.insights.aggregates import AGGREGATES
from local.insights.expressions import Compute, Scope, compute
from local.insights.functions import true
from local.insights.results import Event, Results, Statistics
from local.insights.rows import Row
from local.insights.values import Value, order, plain, text

DEFAULT_LIMIT, DEFAULT_SHOWN = 10_000, ("@timestamp", "@message")
DAY = 86_400


def run(
    query: tree.Query,
    events: Iterable[Event],
    start: float,
    end: float,
    now: float | None = None,
    limit: int | None = None,
) -> Results:
    """Return what a query finds among events between two times in epoch seconds, both included.

    Args:
        query: what `parse` made of it.
        events: all there are; a query with `diff` looks at earlier ones too.
        start: from when on.
        end: until when.
        now: when it is, for `now()`.
        limit: how many rows at most, beside what the query says.
    """
    scope = Scope(start, end, time.time() if now is None else now)
    every = list(events)
    scanned = _between(every, start, end)
    running = _Running(scope, [Row(one, {}) for one in scanned])
    for place, command in enumerate(query.commands):
        if isinstance(command, tree.Diff):
            earlier = _between(every, *before(command, start, end))
            scanned = [*scanned, *earlier]
            baseline = _Running(scope, [Row(one, {}) for one in earlier])
            for previous in query.commands[: place - 1]:
                baseline.apply(previous)
            running.compare(baseline)
        else:
            running.apply(command)
    size = sum(len(one.message) if one.message.isascii() else len(one.message.encode()) for one in scanned)
    return Results(tuple(running.shown(limit)), Statistics(running.matched, len(scanned), size))


def before(diff: tree.Diff, start: float, end: float) -> tuple[float, float]:
    """Return the time that a `diff` compares with."""
    match diff.against:
        case "previousDay":
            shift: float = DAY
        case "previousWeek":
            shift = 7 * DAY
        case "previousMonth":
            shift = 30 * DAY
        case _:
            # The moment at which this one begins is this one's.
            return start - (end - start), start - 0.001
    return start - shift, end - shift


def _between(events: Iterable[Event], start: float, end: float) -> list[Event]:
    first, last = start * 1000, end * 1000
    found = [one for one in events if first <= one.timestamp_ms <= last]
    # The latest come first, unless the query sorts.
    return sorted(found, key=lambda one: one.timestamp_ms, reverse=True)


class _Running:
    """Rows, and the names to show of them, after the commands that were applied."""

    def __init__(self, scope: Scope, rows: list[Row]) -> None:
        self._scope, self._rows = scope, rows
        self._matched: int | None = None
        # Of `fields`, of what else gives names, and of `display` and all that leaves no others.
        self._fields: list[str] | None = None
        self._extra: list[str] = []
        self._only: list[str] | None = None
        self._pointed = True
        self._clustered: list[str] = []
        self._limited = False

    @property
    def matched(self) -> int:
        """How many events passed the filters."""
        return len(self._rows) if self._matched is None else self._matched

    def apply(self, command: tree.Command) -> None:
        """Apply one command to the rows."""
        if isinstance(command, (tree.Stats, tree.Limit, tree.Dedup, tree.Cluster, tree.Unnest)):
            self._matched = self.matched
        match command:
            case tree.Fields(columns):
                self._make(columns)
                if self._only is None:
                    self._fields = [*(self._fields or ()), *(one.name for one in columns)]
                else:
                    self._only += [one.name for one in columns if one.name not in self._only]
            case tree.Display(columns):
                self._make(columns)
                self._only = [one.name for one in columns]
            case tree.Filter(condition):
                keep = compute(condition, self._scope)
                self._rows = [row for row in self._rows if true(keep(row))]
            case tree.Stats():
                self._aggregate(command)
            case tree.Sort(keys):
                for key in reversed(keys):
                    of = compute(key.expression, self._scope)
                    self._rows.sort(key=_ordered(of), reverse=key.descending)
            case tree.Limit(count):
                self._limited = True
                self._rows = self._rows[:count]
            case tree.Glob(source, pattern, names):
                parts = pattern.split("*")
                self._parse(source, lambda whole: globbed(parts, whole), names)
            case tree.Groups():
                self._groups(command)
            case tree.Dedup(fields):
                self._deduplicate([compute(one, self._scope) for one in fields])
            case tree.Cluster(expression):
                self._cluster(compute(expression, self._scope))
            case tree.Unnest():
                self._unnest(command)
            case tree.Diff():
                raise AssertionError("a diff needs two windows")

    def shown(self, limit: int | None) -> Iterator[dict[str, str]]:
        """Yield the rows as they are shown, `@ptr` last where a row is an event: `limit` or as many as usual."""
        most = limit or (len(self._rows) if self._limited else DEFAULT_LIMIT)
        names = self._only
        if names is None:
            names = [*(DEFAULT_SHOWN if self._fields is None else self._fields), *self._extra]
        names = list(dict.fromkeys([*names, "@ptr"] if self._pointed else names))
        for row in self._rows[:most]:
            found = ((name, row.get(name)) for name in names)
            yield {name: text(value) for name, value in found if value is not None}

    def compare(self, baseline: _Running) -> None:
        """Make the rows those of the patterns of this time and of another, the most changed first."""
        mine = self._clustered
        every = [*mine, *baseline.clusterable(self._cluster_of)]
        found = []
        for shape in patterns.shapes(every):
            ours = [every[place] for place in shape.members if place < len(mine)]
            count, earlier = len(ours), len(shape.members) - len(ours)
            level = patterns.severity(ours or [every[place] for place in shape.members])
            change = patterns.difference(count, earlier)
            found.append((count - earlier, (patterns.pattern(shape), count / (len(mine) or 1), count, level, change)))
        found.sort(key=lambda one: abs(one[0]), reverse=True)
        rows = [(*shown[:4], change, shown[4]) for change, shown in found]
        self._become(patterns.COMPARED, rows)

    def clusterable(self, of: Compute) -> list[str]:
        """Return the texts of the rows that an expression has one for."""
        return [text(value) for row in self._rows if (value := plain(of(row))) is not None]

    def _make(self, columns: Sequence[tree.Column]) -> None:
        made = [
            (one.name, compute(one.expression, self._scope))
            for one in columns
            if one.alias or not (isinstance(one.expression, tree.Field) and len(one.expression.path) == 1)
        ]
        made = [(name, of) for name, of in made if name not in self._scope.columns.values()]
        if made:
            self._rows = [row.having({name: of(row) for name, of in made}) for row in self._rows]

    def _groups(self, command: tree.Groups) -> None:
        pattern = regexes.compiled(command.pattern.source)
        names = command.names or tuple(pattern.groupindex)
        if command.multi:
            self._matched = self.matched
            self._parse(command.source, lambda whole: [one.groups() for one in pattern.finditer(whole)], names)
        else:
            self._parse(command.source, lambda whole: [one.groups()] if (one := pattern.search(whole)) else [], names)

    def _parse(
        self, source: tree.Field, parse: Callable[[str], Sequence[Sequence[str | None]]], names: Sequence[str]
    ) -> None:
        of, rows = compute(source, self._scope), []
        for row in self._rows:
            value = plain(of(row))
            found = [] if value is None else parse(text(value))
            rows += [row.having(dict(zip(names, one, strict=True))) for one in found or [(None,) * len(names)]]
        self._rows = rows
        self._add(names)

    def _add(self, names: Sequence[str]) -> None:
        # After stats they are columns like the others; after display, only what was asked for is shown.
        shown = self._extra if self._pointed or self._only is None else self._only
        shown += names

    def _deduplicate(self, fields: Sequence[Compute]) -> None:
        seen, rows = set(), []
        for row in self._rows:
            values = [plain(of(row)) for of in fields]
            if None in values:
                rows.append(row)
                continue
            key = tuple(text(value) for value in values)
            if key not in seen:
                seen.add(key)
                rows.append(row)
        self._rows = rows

    def _unnest(self, command: tree.Unnest) -> None:
        of, rows = compute(command.source, self._scope), []
        for row in self._rows:
            value = of(row)
            items = value if isinstance(value, list) else [value]
            rows += [row.having({command.into: one}) for one in items]
        self._rows = rows
        self._add([command.into])

    def _cluster(self, of: Compute) -> None:
        self._cluster_of = of
        self._clustered = every = self.clusterable(of)
        found = []
        for shape in patterns.shapes(every):
            members = [every[place] for place in shape.members]
            count = len(members)
            found.append((patterns.pattern(shape), count / len(every), count, patterns.severity(members)))
        self._become(patterns.SHOWN, found)

    def _become(self, names: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        self._rows = [Row(None, dict(zip(names, row, strict=True))) for row in rows]
        self._only, self._pointed = list(names), False
        self._scope = replace(self._scope, columns={tree.Field((name,)): name for name in names})

    def _aggregate(self, command: tree.Stats) -> None:
        by = [(one.name, compute(one.expression, self._scope)) for one in command.by]
        groups: dict[tuple[str | None, ...], tuple[list[Value], list[Row]]] = {}
        for row in self._rows:
            values = [plain(of(row)) for _, of in by]
            key = tuple(None if value is None else text(value) for value in values)
            group = groups.get(key)
            if group is None:
                group = groups[key] = (values, [])
            group[1].append(row)
        calls = _aggregates(command)
        work = [(f"\0{place}", _aggregated(one, self._scope)) for place, one in enumerate(calls)]
        slots: dict[tree.Expression, str] = {call: name for call, (name, _) in zip(calls, work, strict=True)}
        slots |= {one.expression: one.name for one in command.by}
        rows = []
        for values, members in groups.values():
            made: dict[str, Value] = dict(zip((name for name, _ in by), values, strict=True))
            made |= {name: of(members) for name, of in work}
            rows.append(Row(None, made))
        inner = replace(self._scope, columns=slots)
        columns = [(one.name, compute(one.expression, inner)) for one in command.columns]
        for row in rows:
            for name, of in columns:
                row.made[name] = of(row)
        names = [*(one.name for one in command.by), *(one.name for one in command.columns)]
        # Under their texts, the expressions can be named from here on.
        known: dict[tree.Expression, str] = {tree.Field((name,)): name for name in names}
        known |= {one.expression: one.name for one in (*command.by, *command.columns)}
        self._rows, self._only, self._pointed = rows, names, False
        self._scope = replace(self._scope, columns=known)


def globbed(parts: Sequence[str], whole: str) -> list[tuple[str, ...]]:
    """Return what the `*` between the parts of a glob stand for, each as little as it can; nothing if none is found."""
    place = whole.find(parts[0])
    if place < 0:
        return []
    place, found = place + len(parts[0]), []
    for part in parts[1:-1]:
        end = whole.find(part, place)
        if end < 0:
            return []
        found.append(whole[place:end])
        place = end + len(part)
    # At the end of the pattern, a * takes all that is left.
    end = whole.find(parts[-1], place) if parts[-1] else len(whole)
    return [(*found, whole[place:end])] if end >= 0 else []


def _aggregates(command: tree.Stats) -> list[tree.Call]:
    found = (part for one in command.columns for part in tree.parts(one.expression))
    return list(dict.fromkeys(one for one in found if isinstance(one, tree.Call) and one.name.lower() in AGGREGATES))


def _aggregated(call: tree.Call, scope: Scope) -> Callable[[Sequence[Row]], Value]:
    one = AGGREGATES[call.name.lower()]
    if not call.arguments or isinstance(call.arguments[0], tree.Star):
        return len
    of = compute(call.arguments[0], scope)

    def some(rows: Sequence[Row]) -> list[Value]:
        return [value for row in rows if (value := plain(of(row))) is not None]

    if one.timed:
        at = compute(tree.Field(("@timestamp",)), scope)
        return lambda rows: one.apply([(at(row), value) for row in rows if (value := plain(of(row))) is not None])
    if len(call.arguments) == 2:
        percent = call.arguments[1]
        assert isinstance(percent, tree.Number)
        return lambda rows: one.apply(some(rows), percent.value)
    return lambda rows: one.apply(some(rows))


def _ordered(of: Compute) -> Callable[[Row], tuple[Value, ...]]:
    return lambda row: order(of(row))
