"""What a query must keep to beyond its grammar: the order of commands, the arguments of functions, the names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from local.insights import functions, regexes, tree
from local.insights.aggregates import AGGREGATES
from local.insights.functions import ANY, FUNCTIONS, OF_THE_QUERY
from local.insights.malformed import Elsewhere, Malformed
from local.insights.patterns import COMPARED, SHOWN
from local.insights.values import number

LARGEST, MOST_STATS = 100_000, 10
TIMED = {"datefloor": 1, "dateceil": 1, "bin": 0}
# What takes a moment first, what is one, and what compares it.
OF_MOMENTS = frozenset({"datefloor", "dateceil", "toMillis", "fromMillis", "formatDate", "strftime"})
MOMENTS, COMPARING = frozenset({"@timestamp", "@ingestionTime"}), frozenset({"=", "!=", "<", "<=", ">", ">="})
# Each event has them, whatever it says.
SYSTEM = frozenset({"@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr"})


def check(query: tree.Query) -> None:
    """Raise Malformed for a query that reads well and yet cannot be run."""
    checker = _Checker(query.text)
    checker.order(query)
    for command in query.commands:
        checker.command(command)


def redefined(query: tree.Query, discovered: Collection[str]) -> Malformed | None:
    """Return what is wrong with a query that gives a name which the logs have a field of already."""
    for command in query.commands:
        for name, at in _defined(command):
            if name in discovered:
                return Malformed(at, f"Ephemeral field is already defined: {name}", query.text)
        if isinstance(command, (tree.Stats, tree.Cluster)):
            break
    return None


class _Checker:
    """Goes through the commands and knows which names there are at each."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Names that the query gave, names of the logs that it used, and after stats or pattern all that is left.
        self._given: set[str] = set()
        self._used: set[str] = set()
        self._left: dict[tree.Expression, str] | None = None

    def order(self, query: tree.Query) -> None:
        stats = [place for place, one in enumerate(query.commands) if isinstance(one, tree.Stats)]
        if len(stats) > MOST_STATS:
            raise self._wrong(query.commands[stats[MOST_STATS]], f"a query has {MOST_STATS} stats commands at most")
        sorted_by = deduplicated = None
        before: tree.Command | None = None
        for place, one in enumerate(query.commands):
            if deduplicated and not isinstance(one, tree.Limit):
                raise self._wrong(one, "after dedup, only limit can follow")
            # Before its only stats a query may sort: that changes no answer.
            late = tree.Limit if len(stats) == 1 else (tree.Sort, tree.Limit)
            if isinstance(one, late) and stats and place < stats[-1]:
                raise self._wrong(one, "sort and limit come after the last stats")
            if isinstance(one, tree.Cluster) and sorted_by:
                raise self._wrong(one, "pattern cannot come after sort")
            if isinstance(one, tree.Diff) and not isinstance(before, tree.Cluster):
                raise self._wrong(one, "Diff operation has to be used after Pattern")
            sorted_by = sorted_by or isinstance(one, tree.Sort)
            deduplicated = deduplicated or isinstance(one, tree.Dedup)
            before = one

    def command(self, command: tree.Command) -> None:
        match command:
            case tree.Fields(columns) | tree.Display(columns):
                self._columns(command, columns)
            case tree.Filter(condition):
                self._condition(condition)
            case tree.Stats():
                self._stats(command)
            case tree.Sort(keys):
                for key in keys:
                    self._expression(key.expression)
            case tree.Limit(count):
                if not 1 <= count <= LARGEST:
                    raise self._wrong(command, f"limit takes 1 to {LARGEST:,}, not {count}")
            case tree.Glob() | tree.Groups():
                self._parse(command)
            case tree.Dedup(fields):
                for one in fields:
                    self._expression(one)
            case tree.Cluster(expression):
                self._expression(expression)
                self._only(SHOWN)
            case tree.Diff():
                self._only(COMPARED)
            case tree.Unnest():
                self._expression(command.source)
                self._give(command)

    def _columns(self, command: tree.Fields | tree.Display, columns: Iterable[tree.Column]) -> None:
        beside: set[str] = set()
        for column in columns:
            for part in tree.parts(column.expression):
                if isinstance(part, tree.Field) and part.name in beside:
                    raise self._wrong(part, f"{part.name} is given in the same command: use it in one after that")
            self._expression(column.expression)
            beside |= {column.alias} - {""}
            listed = isinstance(column.expression, tree.Field) and not column.alias
            if listed and isinstance(command, tree.Fields) and self._left is None and column.name in self._given:
                raise Malformed(column.at, f"Ephemeral field is already defined: {column.name}", self._text)
        self._give(command)

    def _stats(self, command: tree.Stats) -> None:
        for column in command.by:
            self._expression(column.expression)
        inside = {column.name for column in command.by}
        for part in (part for one in command.columns for part in tree.parts(one.expression)):
            if isinstance(part, tree.Call):
                self._known(part)
        if not any(_aggregate(part) for one in command.columns for part in tree.parts(one.expression)):
            raise self._wrong(command, "stats needs an aggregate function, such as count(*)")
        for column in command.columns:
            # A column may be worked out from those before it.
            for part in _outside(column.expression):
                if isinstance(part, tree.Field) and part.name not in inside:
                    raise Malformed(
                        part.at, f"{part.name} is neither grouped by nor in an aggregate function", self._text
                    )
            self._expression(column.expression, aggregated=True, known=inside)
            inside.add(column.name)
        self._give(command)
        self._left = {one.expression: one.name for one in (*command.by, *command.columns)}
        self._left |= {tree.Field((name,)): name for name in list(self._left.values())}

    def _parse(self, command: tree.Glob | tree.Groups) -> None:
        self._expression(command.source)
        if isinstance(command, tree.Glob):
            stars = command.pattern.count("*")
            if stars != len(command.names):
                raise self._wrong(command, f"the pattern has {stars} * and there are {len(command.names)} names")
        else:
            pattern = self._compiled(command.pattern)
            if command.names and pattern.groups != len(command.names):
                told = f"the regular expression has {pattern.groups} groups and there are {len(command.names)} names"
                raise self._wrong(command, told)
            if not command.names and not (pattern.groupindex and len(pattern.groupindex) == pattern.groups):
                raise self._wrong(command, "each group of the regular expression needs a name, (?<name>…)")
        self._give(command)

    def _compiled(self, regex: tree.Regex) -> re.Pattern[str]:
        try:
            return regexes.compiled(regex.source)
        except regexes.Unknown as error:
            raise Malformed(regex.at, str(error), self._text) from None

    # Names

    def _give(self, command: tree.Command) -> None:
        for name, at in _defined(command):
            if name in self._given or (self._left is None and name in self._used | SYSTEM):
                raise Malformed(at, f"Ephemeral field is already defined: {name}", self._text)
            self._given.add(name)
            if self._left is not None:
                self._left[tree.Field((name,))] = name

    def _only(self, names: Iterable[str]) -> None:
        self._left = {tree.Field((name,)): name for name in names}

    def _expression(self, expression: tree.Expression, aggregated: bool = False, known: Collection[str] = ()) -> None:
        """Check an expression; `aggregated` where aggregate functions may stand, beside columns that are `known`."""
        if self._left is not None and expression in self._left:
            return
        match expression:
            case tree.Field():
                self._field(expression, known)
            case tree.Call():
                self._call(expression, aggregated)
            case tree.Like(_, tree.Regex() as regex):
                self._compiled(regex)
            case tree.Among(items=()):
                raise self._wrong(expression, "in needs at least one value")
            case tree.Among(tree.Field() as field, items) if field.name in MOMENTS:
                for item in items:
                    self._dated(item)
            case tree.Binary(operator, left, right) if operator in COMPARING:
                for one, other in ((left, right), (right, left)):
                    if isinstance(one, tree.Field) and one.name in MOMENTS:
                        self._dated(other)
            case tree.Period():
                raise self._wrong(expression, "a period stands in bin, datefloor and dateceil only")
            case tree.Star():
                raise self._wrong(expression, "* stands in count only")
        inner = aggregated and not _aggregate(expression)
        periods = TIMED.get(expression.name) if isinstance(expression, tree.Call) else None
        for place, child in enumerate(tree.children(expression)):
            if place != periods and not isinstance(child, tree.Star):
                self._expression(child, inner, known if inner else ())

    def _dated(self, moment: tree.Expression) -> None:
        # A text is neither before nor after a moment, nor the same: the query would find nothing, and not say why.
        if isinstance(moment, tree.Text) and number(moment.value) is None:
            raise self._wrong(moment, "a time is in epoch milliseconds here, such as 1795000000000, and no text")

    def _field(self, found: tree.Field, known: Collection[str]) -> None:
        if found.path == ("null",):
            raise self._wrong(found, "there is no null: a field that is missing is not ispresent(…)")
        if found.name in known:
            return
        if self._left is None:
            if not any(name in self._given for name in _heads(found)):
                self._used.add(found.name)
        elif not any(name in self._left.values() for name in _heads(found)):
            told = f"Unknown symbols found in or after stats or pattern: {found.name}"
            left = ", ".join(dict.fromkeys(self._left.values()))
            raise self._wrong(found, f"{told} (left there: {left})")

    def _known(self, call: tree.Call) -> None:
        lower = call.name.lower()
        if lower in functions.ELSEWHERE:
            raise Elsewhere(call.at, f"the function {call.name} is not evaluated here", self._text)
        known = {lower: one.name for of in (FUNCTIONS, AGGREGATES) for lower, one in of.items()}
        if not (lower in known or call.name in OF_THE_QUERY):
            near = get_close_matches(lower, known, 1, 0.75)
            hint = f": is it {known[near[0]]}?" if near else ""
            raise self._wrong(call, f"there is no function {call.name}{hint}")

    def _call(self, call: tree.Call, aggregated: bool) -> None:
        self._known(call)
        given, lower = len(call.arguments), call.name.lower()
        if lower in AGGREGATES:
            one = AGGREGATES[lower]
            if not aggregated:
                raise self._wrong(
                    call, f"{call.name} is an aggregate function: it stands in stats only, and in no other"
                )
            least, most = one.least, one.most
            if one.timed and self._left is not None and tree.Field(("@timestamp",)) not in self._left:
                raise self._wrong(call, f"{call.name} needs @timestamp, which is gone after stats")
        elif call.name in OF_THE_QUERY:
            least = most = OF_THE_QUERY[call.name]
            if call.name == "bin" and self._left is not None and tree.Field(("@timestamp",)) not in self._left:
                raise self._wrong(call, "Unknown symbols found in or after stats or pattern: @timestamp, of bin")
        else:
            least, most = FUNCTIONS[lower].least, FUNCTIONS[lower].most
        if not least <= given <= most:
            expected = str(least) if least == most else f"{least} or more" if most == ANY else f"{least} to {most}"
            raise self._wrong(call, f"{call.name} takes {expected} arguments, not {given}")
        self._arguments(call)

    def _arguments(self, call: tree.Call) -> None:
        for place, one in enumerate(call.arguments):
            if isinstance(one, tree.Star) and call.name != "count":
                raise self._wrong(one, f"* stands in count only, not in {call.name}")
            if isinstance(one, tree.Period) != (TIMED.get(call.name) == place):
                told = "takes a period such as 5m here" if TIMED.get(call.name) == place else "takes no period here"
                raise self._wrong(one, f"{call.name} {told}")
            if isinstance(one, tree.Period) and one.count < 1:
                raise self._wrong(one, "a period is at least 1 long")
        if call.name in OF_MOMENTS:
            self._dated(call.arguments[0])
        if call.name == "pct":
            percent = call.arguments[1]
            if not isinstance(percent, tree.Number) or not 0 <= percent.value <= 100:
                raise self._wrong(percent, "the percentile is a number of 0 to 100")

    def _condition(self, condition: tree.Expression) -> None:
        self._expression(condition)
        for part in _conditions(condition):
            kept = self._left is not None and part in self._left and not isinstance(part, tree.Field)
            arithmetic = isinstance(part, tree.Binary) and part.operator in "+-*/%^"
            signed = isinstance(part, tree.Unary) and part.operator == "-"
            value = isinstance(part, (tree.Text, tree.Number))
            if not kept and (arithmetic or signed or value):
                raise self._wrong(part, "filter needs a condition here, such as a comparison")

    def _wrong(self, of: tree.Expression | tree.Command, reason: str) -> Malformed:
        return Malformed(of.at, reason, self._text)


def _defined(command: tree.Command) -> Iterator[tuple[str, int]]:
    match command:
        case tree.Fields(columns) | tree.Display(columns):
            yield from ((one.alias, one.at) for one in columns if one.alias)
        case tree.Stats():
            yield from ((one.alias, one.at) for one in (*command.by, *command.columns) if one.alias)
        case tree.Glob(names=names):
            yield from ((name, command.at) for name in names)
        case tree.Groups():
            names = command.names or tuple(regexes.compiled(command.pattern.source).groupindex)
            yield from ((name, command.at) for name in names)
        case tree.Unnest(into=into):
            yield into, command.at


def _heads(found: tree.Field) -> Iterator[str]:
    """Yield what a field may be part of: itself, and all that its path begins with."""
    for length in range(len(found.path), 0, -1):
        yield ".".join(str(part) for part in found.path[:length])


def _aggregate(expression: tree.Expression) -> bool:
    return isinstance(expression, tree.Call) and expression.name.lower() in AGGREGATES


def _outside(expression: tree.Expression) -> Iterator[tree.Expression]:
    """Yield the parts of an expression that are in no aggregate function."""
    if not _aggregate(expression):
        yield expression
        for child in tree.children(expression):
            yield from _outside(child)


def _conditions(expression: tree.Expression) -> Iterator[tree.Expression]:
    match expression:
        case tree.Binary("and" | "or", left, right):
            yield from _conditions(left)
            yield from _conditions(right)
        case tree.Unary("not", operand):
            yield from _conditions(operand)
        case _:
            yield expression
